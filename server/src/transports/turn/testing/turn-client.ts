/** For tests: a TURN client that says what it is told to, over UDP or a stream, and keeps what comes back. */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { readXorAddress, type TransportAddress, xorAddressAttribute } from '@millrace/media/stun/address';
import { Attribute, readError, readText, type StunAttribute, textAttribute, u32Attribute } from '@millrace/media/stun/attribute';
import { isChannelData } from '@millrace/media/stun/channel-data';
import { parseIp } from '@millrace/media/stun/ip';
import { attributeOf, readStun, StunClass, type StunMessage, StunMethod, writeStun } from '@millrace/media/stun/message';
import { StreamSplitter } from '@millrace/media/stun/stream-splitter';
import { hmacSha1, REALM } from '../authentication.ts';
import type { TurnPassword } from '../credentials.ts';

export interface Answer {
  /** 0: success. */
  readonly code: number;
  readonly message: StunMessage;
}

export function addressOf(ip: string, port: number): TransportAddress {
  const bytes = parseIp(ip);
  if (!bytes) throw new Error(`${ip} is no address`);
  return { ip: bytes, port };
}

export class TurnClient {
  /** Everything that is no answer: ChannelData and indications. */
  readonly relayed: Buffer[] = [];
  nonce = '';
  readonly #write: (bytes: Uint8Array) => void;
  readonly #close: () => void;
  readonly #answers = new Map<string, (message: StunMessage) => void>();
  #wake: () => void = () => {};

  private constructor(write: (bytes: Uint8Array) => void, close: () => void) {
    this.#write = write;
    this.#close = close;
  }

  static async overUdp(port: number, host = '127.0.0.1'): Promise<TurnClient> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.connect(port, host);
    await once(socket, 'connect');
    const client = new TurnClient(
      (bytes) => socket.send(bytes),
      () => socket.close(),
    );
    socket.on('message', (bytes) => client.#take(bytes));
    return client;
  }

  static overStream(socket: Socket): TurnClient {
    const splitter = new StreamSplitter(70_000);
    const client = new TurnClient(
      (bytes) => socket.write(bytes),
      () => socket.destroy(),
    );
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      for (const message of splitter.read(bytes)) client.#take(Buffer.from(message));
    });
    return client;
  }

  static async overTcp(port: number): Promise<TurnClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return TurnClient.overStream(socket);
  }

  close(): void {
    this.#close();
  }

  /** Sends bytes as they are. */
  send(bytes: Uint8Array): void {
    this.#write(bytes);
  }

  /** A request, with credentials when given, and its answer. */
  request(method: number, attributes: readonly StunAttribute[], credentials?: TurnPassword, transactionId: Uint8Array = randomBytes(12)): Promise<Answer> {
    const answer = new Promise<StunMessage>((resolve) => this.#answers.set(Buffer.from(transactionId).toString('hex'), resolve));
    this.#write(this.encode(method, attributes, credentials, transactionId));
    return answer.then((message) => this.#read(message));
  }

  encode(method: number, attributes: readonly StunAttribute[], credentials?: TurnPassword, transactionId: Uint8Array = randomBytes(12)): Uint8Array {
    const content = { class: StunClass.request, method, transactionId };
    if (!credentials) return writeStun({ ...content, attributes }, { fingerprint: true });
    const { username, credential } = credentials;
    const own = [textAttribute(Attribute.username, username), textAttribute(Attribute.realm, REALM), textAttribute(Attribute.nonce, this.nonce)];
    const key = createHash('md5').update(`${username}:${REALM}:${credential}`).digest();
    return writeStun({ ...content, attributes: [...attributes, ...own] }, { integrity: { key, hmacSha1 }, fingerprint: true });
  }

  /** Asks for a relay after fetching a nonce. */
  async allocate(
    credentials: TurnPassword,
    attributes: readonly StunAttribute[] = [],
    transactionId?: Uint8Array,
  ): Promise<Answer & { readonly relayed: TransportAddress | undefined }> {
    if (this.nonce === '') await this.request(StunMethod.allocate, [REQUEST_UDP]);
    const answer = await this.request(StunMethod.allocate, [REQUEST_UDP, ...attributes], credentials, transactionId);
    const value = attributeOf(answer.message, Attribute.xorRelayedAddress);
    return { ...answer, relayed: value && readXorAddress(value, answer.message.transactionId) };
  }

  permit(peer: TransportAddress, credentials: TurnPassword): Promise<Answer> {
    const transactionId = randomBytes(12);
    return this.request(StunMethod.createPermission, [xorAddressAttribute(Attribute.xorPeerAddress, peer, transactionId)], credentials, transactionId);
  }

  bind(channel: number, peer: TransportAddress, credentials: TurnPassword): Promise<Answer> {
    const transactionId = randomBytes(12);
    const attributes = [u32Attribute(Attribute.channelNumber, channel * 0x1_0000), xorAddressAttribute(Attribute.xorPeerAddress, peer, transactionId)];
    return this.request(StunMethod.channelBind, attributes, credentials, transactionId);
  }

  refresh(seconds: number, credentials: TurnPassword): Promise<Answer> {
    return this.request(StunMethod.refresh, [u32Attribute(Attribute.lifetime, seconds)], credentials);
  }

  sendIndication(peer: TransportAddress, data: Uint8Array): void {
    const transactionId = randomBytes(12);
    const attributes = [xorAddressAttribute(Attribute.xorPeerAddress, peer, transactionId), { type: Attribute.data, value: data }];
    this.#write(writeStun({ class: StunClass.indication, method: StunMethod.send, transactionId, attributes }));
  }

  /** Padded, as streams need it and UDP may have it. */
  sendChannel(channel: number, data: Uint8Array): void {
    const bytes = Buffer.alloc((4 + data.length + 3) & ~3);
    bytes.writeUInt16BE(channel, 0);
    bytes.writeUInt16BE(data.length, 2);
    bytes.set(data, 4);
    this.#write(bytes);
  }

  /** The next relayed message. */
  async next(): Promise<Buffer> {
    for (;;) {
      const first = this.relayed.shift();
      if (first) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #read(message: StunMessage): Answer {
    const nonce = attributeOf(message, Attribute.nonce);
    if (nonce) this.nonce = readText(nonce, 763) ?? '';
    const error = attributeOf(message, Attribute.errorCode);
    return { code: error ? readError(error).code : 0, message };
  }

  #take(bytes: Buffer): void {
    const message = isChannelData(bytes) ? undefined : readStun(bytes);
    const answer = message && this.#answers.get(Buffer.from(message.transactionId).toString('hex'));
    if (message && answer) answer(message);
    else {
      this.relayed.push(bytes);
      this.#wake();
    }
  }
}

/** REQUESTED-TRANSPORT: UDP. */
export const REQUEST_UDP: StunAttribute = { type: Attribute.requestedTransport, value: Uint8Array.of(17, 0, 0, 0) };

/** Somebody on the other side of the relay. */
export async function openPeer(host = '127.0.0.1'): Promise<{ readonly socket: UdpSocket; readonly port: number }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const listening = once(socket, 'listening');
  socket.bind(0, host);
  await listening;
  return { socket, port: socket.address().port };
}
