/**
 * A way for a media process to one server: it connects here, on this machine, and what it says goes on to an address that was checked, through
 * TLS where the source asks for that. So a name that resolves otherwise the second time leads nowhere else, and certificates are verified as everywhere.
 */
import { once } from 'node:events';
import { connect as connectTcp, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { AppError } from '../../lib/app-error.ts';
import type { PublicAddresses } from '../../lib/public-address.ts';
import { connectionFailure } from './failure.ts';

export interface TunnelOptions {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** The server must not send the client elsewhere: an RTSP client would go there without asking anybody. */
  readonly isRtsp: boolean;
  readonly addresses: Pick<PublicAddresses, 'lookup'>;
  /** The authorities that servers are believed by. */
  readonly farTls: SecureContext;
}

/**
 * The first line of an answer that redirects, or may: libavformat reads signs, leading zeros and numbers that wrap around, so whatever is not three
 * digits counts as one. Stops at the next beginning of such a line, which is looked at in its turn: hostile text costs no more than any other.
 */
const REDIRECT = /RTSP\/(?:(?!RTSP\/)\S)*\s+(?![12456]\d\d\D)[+-]?\d+\D/;

const BEGINNING = 'RTSP/';

/** Such a line as far as it came. */
const BEGUN = /^RTSP\/\S*(?:\s+[+-]?\d*)?$/;

/** No honest one takes longer to come to its number. */
const MAX_BEGUN = 4_096;

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #failure: AppError | undefined;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#take(socket));
  }

  /** What kept the connection from being made. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  /** Resolves with the port on 127.0.0.1. */
  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('a tunnel has no port');
    return address.port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(near: Socket): void {
    const { host, port, isTls, isRtsp, addresses, farTls } = this.#options;
    const where = { host, port, lookup: addresses.lookup };
    const far = isTls ? connectTls({ ...where, secureContext: farTls, ...(isIP(host) === 0 && { servername: host }) }) : connectTcp(where);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('error', () => {});
    far.on('error', (error) => {
      this.#failure = connectionFailure(error, host, port);
    });
    if (isRtsp) this.#watch(far, near);
    near.pipe(far).pipe(near);
  }

  #watch(far: Socket, near: Socket): void {
    let carry = '';
    far.on('data', (bytes: Buffer) => {
      // libavformat passes over carriage returns, wherever they stand.
      const text = carry + bytes.toString('latin1').replaceAll('\r', '');
      const last = text.slice(Math.max(0, text.lastIndexOf(BEGINNING)));
      carry = BEGUN.test(last) ? last : text.slice(1 - BEGINNING.length);
      if (carry.length <= MAX_BEGUN && !REDIRECT.test(text)) return;
      this.#failure = new AppError('source_unreadable', { detail: 'The source sends whoever asks it elsewhere, which is not followed.' });
      // Before it is told what it would follow.
      near.destroy();
      far.destroy();
    });
  }
}
