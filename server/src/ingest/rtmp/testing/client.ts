/** For tests: an RTMP publisher under full control, honest unless its test is not. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type AmfValue, amfObject } from '@millrace/media/amf/value';
import { ChunkReader } from '@millrace/media/rtmp/chunk-reader';
import { ChunkWriter } from '@millrace/media/rtmp/chunk-writer';
import { type Command, readCommand, writeCommand } from '@millrace/media/rtmp/command';
import { HANDSHAKE_BYTES } from '@millrace/media/rtmp/handshake';
import { type Message, MessageType } from '@millrace/media/rtmp/message';

export class RtmpClient implements Disposable {
  readonly socket: Socket;
  readonly commands: Command[] = [];
  readonly messages: Message[] = [];
  readonly #reader = new ChunkReader();
  readonly #writer = new ChunkWriter();
  #skip = 1 + 2 * HANDSHAKE_BYTES;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes: Buffer) => {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      for (const message of this.#reader.read(bytes.subarray(skipped))) {
        this.messages.push(message);
        const command = readCommand(message);
        if (command) this.commands.push(command);
      }
      this.#wake();
    });
    this.socket.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** All steps to an accepted publish; the server's answer to it. */
  async publish(key: string, options: { readonly capsEx?: number; readonly app?: string } = {}): Promise<Command> {
    await this.connect(options);
    this.command(1, 'publish', 3, null, key, 'live');
    return this.status();
  }

  async connect({ capsEx = 0, app = 'live' }: { readonly capsEx?: number; readonly app?: string } = {}): Promise<void> {
    await this.handshake();
    this.command(0, 'connect', 1, amfObject({ app, type: 'nonprivate', tcUrl: 'rtmp://127.0.0.1/live', capsEx }));
    this.command(0, 'createStream', 2, null);
  }

  async handshake(): Promise<void> {
    await once(this.socket, 'connect');
    const hello = new Uint8Array(1 + HANDSHAKE_BYTES);
    hello[0] = 3;
    this.socket.write(hello);
    this.socket.write(new Uint8Array(HANDSHAKE_BYTES));
  }

  command(streamId: number, ...values: readonly AmfValue[]): void {
    this.send(3, writeCommand(streamId, ...values));
  }

  send(chunkStreamId: number, message: Message): void {
    this.socket.write(this.#writer.write(chunkStreamId, message));
  }

  video(timestamp: number, ...payload: readonly number[]): void {
    this.send(6, { type: MessageType.video, streamId: 1, timestamp, payload: Uint8Array.from(payload) });
  }

  audio(timestamp: number, ...payload: readonly number[]): void {
    this.send(4, { type: MessageType.audio, streamId: 1, timestamp, payload: Uint8Array.from(payload) });
  }

  /** The next onStatus that satisfies. Rejects when the connection closes without one. */
  async status(wanted: (code: string) => boolean = () => true): Promise<Command> {
    for (;;) {
      const at = this.commands.findIndex((command) => command.name === 'onStatus' && wanted(codeOf(command)));
      const [found] = at === -1 ? [] : this.commands.splice(at, 1);
      if (found) return found;
      if (this.#isClosed) throw new Error('the connection closed without the status');
      await this.#change();
    }
  }

  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#change();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** The code of an onStatus or _error. */
export function codeOf(command: Command): string {
  const information = command.args[0];
  const code = information instanceof Map ? information.get('code') : undefined;
  return typeof code === 'string' ? code : '';
}
