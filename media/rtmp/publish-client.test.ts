import { describe, expect, test } from 'vitest';
import { amfObject } from '../amf/value.ts';
import { concat, u32Bytes } from '../big-endian.ts';
import { fuzz } from '../fuzzing.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { type Command, onStatus, readCommand, result, writeCommand } from './command.ts';
import { userControl, windowAcknowledgementSize } from './control.ts';
import { HANDSHAKE_BYTES, ServerHandshake } from './handshake.ts';
import { type Message, MessageType } from './message.ts';
import { PublishClient, PublishRefused } from './publish-client.ts';

const randomBytes = (length: number) => new Uint8Array(length).map((_, i) => (i * 7) % 251);

function newClient(): PublishClient {
  return new PublishClient({ tcUrl: 'rtmp://example.org/app', app: 'app', key: 'secret', randomBytes });
}

/** The server's end of the wire. */
class Server {
  readonly commands: Command[] = [];
  readonly messages: Message[] = [];
  readonly #handshake = new ServerHandshake({ hmacSha256: () => new Uint8Array(32), randomBytes });
  readonly #reader = new ChunkReader();
  readonly #writer = new ChunkWriter();
  #isOpen = false;

  hear(bytes: Uint8Array): Uint8Array {
    if (this.#isOpen) {
      this.#take(bytes);
      return new Uint8Array(0);
    }
    const { reply, rest } = this.#handshake.read(bytes);
    if (rest) {
      this.#isOpen = true;
      this.#take(rest);
    }
    return reply ?? new Uint8Array(0);
  }

  say(message: Message): Uint8Array {
    return this.#writer.write(3, message);
  }

  named(name: string): Command {
    const found = this.commands.findLast((command) => command.name === name);
    if (!found) throw new Error(`no ${name} came`);
    return found;
  }

  #take(bytes: Uint8Array): void {
    for (const message of this.#reader.read(bytes)) {
      const command = readCommand(message);
      if (command) this.commands.push(command);
      else this.messages.push(message);
    }
  }
}

function connected(): { readonly client: PublishClient; readonly server: Server } {
  const [client, server] = [newClient(), new Server()];
  server.hear(client.read(server.hear(client.hello())));
  return { client, server };
}

function publishing() {
  const { client, server } = connected();
  server.hear(client.read(server.say(result(server.named('connect'), null))));
  server.hear(client.read(server.say(result(server.named('createStream'), null, 5))));
  client.read(server.say(onStatus(5, 'status', 'NetStream.Publish.Start', 'Go.')));
  return { client, server };
}

describe('the publisher’s side', () => {
  test('connects, asks for a stream and publishes under its key', () => {
    const { client, server } = publishing();
    expect(server.commands.map(({ name }) => name)).toEqual(['connect', 'releaseStream', 'FCPublish', 'createStream', 'publish']);
    expect(server.named('connect').object).toEqual(
      new Map(Object.entries({ app: 'app', type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; Millrace)', tcUrl: 'rtmp://example.org/app' })),
    );
    expect(server.named('publish')).toMatchObject({ args: ['secret', 'live'], streamId: 5 });
    expect(client.isPublishing).toBe(true);
  });

  test('sends media in large chunks, its times modulo 2^32', () => {
    const { client, server } = publishing();
    server.hear(client.metadata(amfObject({ width: 320 })));
    server.hear(client.media('video', 2 ** 32 + 40, new Uint8Array(70_000)));
    server.hear(client.media('audio', 41, Uint8Array.of(1)));
    expect(server.messages.map(({ type, timestamp, streamId, payload }) => [type, timestamp, streamId, payload.length])).toMatchObject([
      [MessageType.amf0Data, 0, 5, expect.any(Number)],
      [MessageType.video, 40, 5, 70_000],
      [MessageType.audio, 41, 5, 1],
    ]);
    server.hear(client.goodbye());
    expect(server.named('deleteStream').args).toEqual([5]);
  });

  test('answers pings and acknowledges what it was sent', () => {
    const { client, server } = publishing();
    server.hear(client.read(server.say(userControl(6, 99))));
    expect(server.messages.at(-1)).toMatchObject({ type: MessageType.userControl, payload: concat(Uint8Array.of(0, 7), u32Bytes(99)) });
    client.read(server.say(windowAcknowledgementSize(1)));
    for (let i = 0; i < 70; i++) server.hear(client.read(server.say({ type: MessageType.amf0Data, streamId: 0, timestamp: 0, payload: new Uint8Array(1_000) })));
    expect(server.messages.filter(({ type }) => type === MessageType.acknowledgement)).toHaveLength(1);
  });

  test('tells why a server refuses', () => {
    const first = connected();
    const error = writeCommand(0, '_error', 1, null, amfObject({ level: 'error', code: 'NetConnection.Connect.Rejected', description: 'no such app' }));
    expect(() => first.client.read(first.server.say(error))).toThrow(new PublishRefused('no such app'));
    const second = connected();
    second.server.hear(second.client.read(second.server.say(result(second.server.named('connect'), null))));
    expect(second.client.read(second.server.say(writeCommand(0, '_error', 2, null))).length).toBe(0);
    expect(() => second.client.read(second.server.say(onStatus(0, 'error', 'NetStream.Publish.BadName', '')))).toThrow(new PublishRefused('NetStream.Publish.BadName'));
  });

  test('throws nothing but its own errors at whatever a server says', () => {
    const { server } = connected();
    const hello = concat(Uint8Array.of(3), randomBytes(2 * HANDSHAKE_BYTES));
    const answers = concat(
      server.say(windowAcknowledgementSize(1)),
      server.say(writeCommand(0, '_result', 1, null)),
      server.say(writeCommand(0, '_result', 4, null, 1)),
      server.say(onStatus(1, 'status', 'NetStream.Publish.Start', '')),
    );
    fuzz(
      (bytes) => {
        const client = newClient();
        client.read(hello);
        try {
          client.read(bytes);
        } catch (error) {
          if (!(error instanceof PublishRefused)) throw error;
        }
      },
      [answers, concat(server.say(userControl(6, 1)), server.say(onStatus(1, 'error', 'x', 'y')))],
    );
    fuzz((bytes) => newClient().read(bytes), [hello.subarray(0, 100)]);
  });
});
