/**
 * For tests: a client of the library whose network moves. It sees one address, behind which this stands: first passing all on to the server, then, once moved,
 * answering its checks itself and reaching the server by another path, with credentials of a restart. What DTLS and SRTP say is passed on unread.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { IceCredentials } from '@millrace/media/sdp/description';
import { readStun, StunClass } from '@millrace/media/stun/message';
import { isBinding } from '../../turn/guests.ts';
import { writeCheckAnswer } from '../connectivity-check.ts';
import { ControllingEnd } from './controlling-end.ts';

const LOOPBACK = '127.0.0.1';

/** How often it checks until it is heard. */
const CHECK_MS = 50;

interface Path {
  readonly end: ControllingEnd;
  readonly socket: Socket;
  readonly port: number;
}

export class MovingPeer implements AsyncDisposable {
  readonly #inside = createSocket('udp4');
  readonly #paths: Path[] = [];
  /** The path of the beginning, until it is cut. */
  #outside: Socket | undefined = createSocket('udp4');
  #webrtcPort = 0;
  #peerPort = 0;
  #path: Path | undefined;
  /** Of the answer to the offer: the peer's own checks are answered with it. */
  #original: IceCredentials = { ufrag: '', pwd: '' };

  /** @param answer of the server; what the client is to be told in its place is returned */
  async stand(answer: string): Promise<string> {
    this.#webrtcPort = Number(/a=candidate:1 1 udp \d+ 127\.0\.0\.1 (\d+) /.exec(answer)?.[1]);
    const [ufrag = '', pwd = ''] = ['ufrag', 'pwd'].map((name) => new RegExp(`a=ice-${name}:(\\S+)`).exec(answer)?.[1]);
    this.#original = { ufrag, pwd };
    for (const socket of [this.#inside, this.#outside]) {
      socket?.bind(0, LOOPBACK);
      if (socket) await once(socket, 'listening');
    }
    this.#inside.on('message', (packet, { port }) => this.#fromPeer(packet, port));
    this.#outside?.on('message', (packet) => this.#inside.send(packet, this.#peerPort, LOOPBACK));
    return answer.replaceAll(/(a=candidate:1 1 udp \d+ 127\.0\.0\.1) \d+/g, `$1 ${this.#inside.address().port}`);
  }

  /** The old path is no more: what comes by it is lost, both ways. */
  cut(): void {
    this.#outside?.close();
    this.#outside = undefined;
  }

  /** A path to this port of the server for a restart, from a port of its own. */
  async open(port: number): Promise<ControllingEnd> {
    const socket = createSocket('udp4');
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    const path: Path = { socket, port, end: new ControllingEnd((packet) => socket.send(packet, port, LOOPBACK)) };
    socket.on('message', (packet) => {
      if (isBinding(packet)) path.end.receive(packet);
      else this.#inside.send(packet, this.#peerPort, LOOPBACK);
    });
    this.#paths.push(path);
    return path.end;
  }

  /** Nominates the path of this end until the server has checked it too, and sends by it from then on. */
  async moveTo(end: ControllingEnd): Promise<void> {
    const path = this.#paths.find((one) => one.end === end);
    if (!path) throw new Error('no such path');
    end.check();
    const again = setInterval(() => end.check(), CHECK_MS);
    while (end.checked === 0 || end.answers.length === 0) await once(path.socket, 'message');
    clearInterval(again);
    this.#path = path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    for (const socket of [this.#inside, ...this.#paths.map((path) => path.socket)]) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  #fromPeer(packet: Buffer, port: number): void {
    this.#peerPort = port;
    if (this.#outside) this.#outside.send(packet, this.#webrtcPort, LOOPBACK);
    else if (!isBinding(packet)) this.#path?.socket.send(packet, this.#path.port, LOOPBACK);
    else this.#answer(packet, port);
  }

  #answer(packet: Buffer, port: number): void {
    const message = readStun(packet);
    if (message.class === StunClass.request) this.#inside.send(writeCheckAnswer(message, { ip: Uint8Array.of(127, 0, 0, 1), port }, this.#original.pwd), port, LOOPBACK);
  }
}
