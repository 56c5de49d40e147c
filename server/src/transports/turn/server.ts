/** The relay's doors: UDP and TCP on one port, TLS on another; what comes in goes to the responder. */
import { randomBytes, randomInt } from 'node:crypto';
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram';
import { isIPv6, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { ProtocolError } from '@millrace/media/protocol-error';
import type { TransportAddress } from '@millrace/media/stun/address';
import { parseIp, unmapIp } from '@millrace/media/stun/ip';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { errorCodeOf, listenError } from '../../lib/start-error.ts';
import type { Subnet } from '../../lib/subnet.ts';
import { TcpListener } from '../tcp/listener.ts';
import { AllocationTable } from './allocation-table.ts';
import { Authentication } from './authentication.ts';
import { TurnCounters } from './counters.ts';
import { isBinding, isMedia, type PortGuests } from './guests.ts';
import { Nonces } from './nonces.ts';
import { PeerFilter } from './peer-filter.ts';
import { RelayAddresses } from './relay-addresses.ts';
import { RelayPorts } from './relay-ports.ts';
import { Responder } from './responder.ts';
import { IDLE_MS, StreamLink } from './stream-link.ts';
import { type TurnLimits, TurnUsers } from './turn-users.ts';
import { UdpLink } from './udp-link.ts';
import { openUdpSocket } from './udp-socket.ts';

const MAX_CONNECTIONS = 2_000;

/** A household: so many relays as its users may have, and as many that are just being tried. */
const MAX_CONNECTIONS_PER_ADDRESS = 100;

/** Some 50 ms of every relay at its busiest. */
const UDP_BUFFER_BYTES = 1024 * 1024;

/** "Any free port" must be free for UDP and TCP alike. */
const MAX_PORT_TRIES = 10;

/** A certificate and key (PEM), or whatever is current at each handshake. */
export type TurnTls = { readonly cert: string | Buffer; readonly key: string | Buffer } | { secureContext(): SecureContext };

export interface TurnServerDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Signs credentials; whoever hands them out has the same. */
  readonly secret: string;
  /** Whether an address is this machine's: see OwnAddresses. */
  isOwnAddress(address: string): boolean;
  /** Our own media port, which clients without UDP reach through the relay. Asked for each packet to an address that the filter refuses. */
  isOwnMedia(address: string, port: number): boolean;
  /** A packet to it as it wants it; as it is when left out. */
  toOwnMedia?(packet: Uint8Array): Uint8Array;
  /** Who else is reached on the UDP port: asked before TURN, and reached through the relay too. */
  readonly guests?: PortGuests;
  readonly config: {
    readonly host: string;
    /** UDP and TCP. 0: any free port. */
    readonly port: number;
    readonly tls?: { readonly port: number; readonly certificate: TurnTls } | undefined;
    readonly relayPorts: { readonly min: number; readonly max: number };
    /** What the relay may reach besides the open internet. */
    readonly allowedPeers: readonly Subnet[];
    /** Under which clients of the internet know this machine, when its own addresses are private. */
    readonly publicAddresses: readonly string[];
    readonly limits: TurnLimits;
  };
}

export interface TurnPorts {
  readonly port: number;
  readonly tlsPort: number | undefined;
}

export class TurnServer implements AsyncDisposable {
  readonly closed: Promise<void>;
  readonly #deps: TurnServerDeps;
  readonly #counters = new TurnCounters();
  readonly #addresses: RelayAddresses;
  readonly #allocations: AllocationTable;
  readonly #responder: Responder;
  readonly #links = new Set<StreamLink>();
  #udp: UdpSocket | undefined;
  #port = 0;
  readonly #listeners: TcpListener[] = [];
  #lastLink = 0;
  #closing: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(deps: TurnServerDeps) {
    this.#deps = deps;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { clock, log, config, secret } = deps;
    const counters = this.#counters;
    const filter = new PeerFilter({ allowed: config.allowedPeers, isOwnAddress: (address) => deps.isOwnAddress(address) });
    this.#addresses = new RelayAddresses(config);
    const ports = new RelayPorts({ hosts: this.#addresses.hosts, minPort: config.relayPorts.min, maxPort: config.relayPorts.max, randomInt: (below) => randomInt(below) });
    this.#allocations = new AllocationTable({
      ports,
      users: new TurnUsers(config.limits, clock),
      surroundings: {
        clock,
        counters,
        randomBytes,
        mayReach: (ip) => filter.mayReach(ip),
        isOwnMedia: (address, port) => deps.isOwnMedia(address, port),
        toOwnMedia: (packet) => deps.toOwnMedia?.(packet) ?? packet,
        guestsAt: (address, port) => (port === this.#port && deps.isOwnAddress(address) ? deps.guests : undefined),
      },
    });
    this.#responder = new Responder({
      clock,
      log,
      counters,
      allocations: this.#allocations,
      authentication: new Authentication({ secret, nonces: new Nonces(randomBytes(32), clock) }),
      hasFamily: (family) => ports.has(family),
      relayedIp: (link, family) => this.#addresses.towards(link, family),
    });
  }

  /** Totals since the start, but for `allocations` and `connections`, which are those of now. */
  get counters(): Pick<TurnCounters, 'bytesToPeers' | 'bytesToClients' | 'dropped' | 'refusals'> & { readonly allocations: number; readonly connections: number } {
    const { bytesToPeers, bytesToClients, dropped, refusals } = this.#counters;
    return { bytesToPeers, bytesToClients, dropped, refusals, allocations: this.#allocations.size, connections: this.#links.size };
  }

  /** Rejects with a sentence when a port cannot be had. */
  async start(): Promise<TurnPorts> {
    const { port, tls } = this.#deps.config;
    let opened: number;
    try {
      opened = await this.#openPort();
    } catch (error) {
      await this.close();
      throw listenError(error, { name: 'TURN', port, key: 'TURN_PORT' });
    }
    if (!tls) return { port: opened, tlsPort: undefined };
    try {
      const listener = this.#listener(tls.port, (socket) => this.#acceptTls(socket, tls.certificate));
      const secure = await listener.start();
      this.#listeners.push(listener);
      return { port: opened, tlsPort: secure.port };
    } catch (error) {
      await this.close();
      throw listenError(error, { name: 'TURN over TLS', port: tls.port, key: 'TURNS_PORT' });
    }
  }

  /** Takes over a connection that somebody else accepted: what it says from here on is TURN. Bytes read ahead are put back with `unshift` before. */
  accept(socket: Socket): void {
    const address = socket.remoteAddress;
    const remote = address === undefined ? undefined : transportAddress(address, socket.remotePort ?? 0);
    if (!remote || this.#closing) {
      socket.destroy();
      return;
    }
    const link = new StreamLink(
      socket,
      {
        transport: socket instanceof TLSSocket ? 'tls' : 'tcp',
        key: `stream ${++this.#lastLink}`,
        ...remote,
        localAddress: socket.localAddress,
      },
      {
        clock: this.#deps.clock,
        handle: (message, from) => this.#responder.handle(message, from),
        hasAllocation: (key) => this.#allocations.get(key) !== undefined,
        ended: (ended, error) => this.#linkEnded(ended, error),
      },
    );
    this.#links.add(link);
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #openPort(): Promise<number> {
    const { host, port } = this.#deps.config;
    for (let tries = 1; ; tries++) {
      const listener = this.#listener(port, (socket) => this.accept(socket));
      const opened = await listener.start();
      try {
        const udp = await openUdpSocket({ family: isIPv6(host) ? 6 : 4, host, port: opened.port, bufferBytes: UDP_BUFFER_BYTES });
        udp.on('message', (bytes, from) => this.#fromUdp(udp, bytes, from));
        udp.on('error', (error) => this.#deps.log.warn({ err: error }, 'the TURN socket failed'));
        this.#udp = udp;
        this.#port = opened.port;
        this.#listeners.push(listener);
        return opened.port;
      } catch (error) {
        await listener.close();
        if (port !== 0 || tries === MAX_PORT_TRIES || errorCodeOf(error) !== 'EADDRINUSE') throw error;
      }
    }
  }

  #listener(port: number, connected: (socket: Socket) => void): TcpListener {
    const { log, config } = this.#deps;
    return new TcpListener(
      { host: config.host, port, maxConnections: MAX_CONNECTIONS, maxConnectionsPerAddress: MAX_CONNECTIONS_PER_ADDRESS, tlsHandshakeTimeoutMs: IDLE_MS },
      {
        mayConnect: () => true,
        connected,
        refused: (remoteAddress, reason) => {
          this.#counters.refused('connection');
          log.debug({ remoteAddress, reason }, 'TURN connection turned away');
        },
      },
    );
  }

  #acceptTls(socket: Socket, certificate: TurnTls): void {
    const secureContext = 'secureContext' in certificate ? certificate.secureContext() : createSecureContext(certificate);
    this.accept(new TLSSocket(socket, { isServer: true, secureContext }));
  }

  #fromUdp(socket: UdpSocket, bytes: Buffer, { address, port }: RemoteInfo): void {
    const key = `${address} ${port}`;
    const { guests } = this.#deps;
    try {
      if (guests && isMedia(bytes) && guests.media(key, bytes)) return;
      const link = this.#allocations.get(key)?.options.link ?? this.#udpLink(socket, key, { address, port });
      // Browsers ask the relay and their peers from one port, so that whoever has a relay may be a guest as well.
      if (link && !(guests && isBinding(bytes) && guests.binding(bytes, link))) this.#responder.handle(bytes, link);
    } catch (error) {
      // Whatever it is costs the packet and not the process.
      if (error instanceof ProtocolError) this.#counters.refused('malformed');
      else this.#deps.log.error({ err: error }, 'a TURN packet could not be handled');
    }
  }

  #udpLink(socket: UdpSocket, key: string, { address, port }: Pick<RemoteInfo, 'address' | 'port'>): UdpLink | undefined {
    const from = transportAddress(address, port);
    const isOpen = () => this.#udp === socket;
    return from && new UdpLink(socket, from.remote, { key, wireAddress: address, remoteAddress: from.remoteAddress, localAddress: undefined, isOpen });
  }

  #linkEnded(link: StreamLink, error: unknown): void {
    if (error instanceof ProtocolError) {
      this.#counters.refused('malformed');
      this.#deps.log.debug({ remoteAddress: link.remoteAddress, transport: link.transport, reason: error.message }, 'TURN connection broke the protocol');
    } else if (error !== undefined) this.#deps.log.error({ err: error }, 'TURN connection failed');
    this.#links.delete(link);
    this.#allocations.forget(link.key);
  }

  async #shutDown(): Promise<void> {
    this.#allocations.close();
    const links = [...this.#links];
    for (const link of links) link.close();
    await Promise.all([...links.map(({ closed }) => closed), ...this.#listeners.map((listener) => listener.close())]);
    const udp = this.#udp;
    this.#udp = undefined;
    udp?.close();
    this.#resolveClosed();
  }
}

/** Undefined for what is no IP address, or could not be answered. A zone belongs to the socket, not to the address. */
function transportAddress(address: string, port: number): { readonly remote: TransportAddress; readonly remoteAddress: string } | undefined {
  const ip = parseIp(address.split('%')[0] ?? '');
  return ip && port !== 0 ? { remote: { ip: unmapIp(ip), port }, remoteAddress: address.replace(/^::ffff:/, '') } : undefined;
}
