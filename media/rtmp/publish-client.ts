/**
 * The publisher's side of RTMP: bytes of the server in, bytes for the server out. The simple handshake, which every server takes.
 * Source: Adobe RTMP 1.0 §5.2, §7.2. No clock, no socket.
 */
import { type AmfObject, type AmfValue, amfObject, amfString, isAmfObject } from '../amf/value.ts';
import { writeAmf0 } from '../amf/write.ts';
import { concat, u32 } from '../big-endian.ts';
import { ProtocolError } from '../protocol-error.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { type Command, readCommand, writeCommand } from './command.ts';
import { acknowledgement, pingReply } from './control.ts';
import { HANDSHAKE_BYTES } from './handshake.ts';
import { type Message, MessageType } from './message.ts';

const VERSION = 3;
const EMPTY = new Uint8Array(0);

/** Servers answer with small messages; more than this is none of theirs. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Larger than most pictures, so that few are cut; what widespread encoders set. */
const CHUNK_BYTES = 60_000;

const TRANSACTIONS = { connect: 1, releaseStream: 2, fcPublish: 3, createStream: 4, publish: 5, goodbye: 6 } as const;

const COMMAND_CHUNKS = 3;
const AUDIO_CHUNKS = 4;
const VIDEO_CHUNKS = 6;

/** What a server that turns a publisher down may say of it. */
const MAX_REASON_CHARACTERS = 300;

/** The server understood and said no. */
export class PublishRefused extends Error {
  override readonly name = 'PublishRefused';
}

export interface PublishClientOptions {
  /** `rtmp://host:port/app` as the server is to see it. */
  readonly tcUrl: string;
  readonly app: string;
  /** The stream's name there, which is the secret. */
  readonly key: string;
  randomBytes(length: number): Uint8Array;
}

export class PublishClient {
  readonly #options: PublishClientOptions;
  readonly #reader = new ChunkReader(MAX_ANSWER_BYTES);
  readonly #writer = new ChunkWriter();
  #handshake: Uint8Array | undefined = EMPTY;
  #received = 0;
  #acknowledged = 0;
  #window = Number.POSITIVE_INFINITY;
  #streamId = 0;
  #isPublishing = false;

  constructor(options: PublishClientOptions) {
    this.#options = options;
  }

  /** True once the server takes media. */
  get isPublishing(): boolean {
    return this.#isPublishing;
  }

  /** What the client says first. */
  hello(): Uint8Array {
    const c1 = this.#options.randomBytes(HANDSHAKE_BYTES).slice();
    c1.fill(0, 0, 8);
    return concat(Uint8Array.of(VERSION), c1);
  }

  /** Takes the next bytes of the server; returns what is to be sent. Throws ProtocolError, PublishRefused. */
  read(bytes: Uint8Array): Uint8Array {
    if (!this.#handshake) return this.#readChunks(bytes);
    const received = concat(this.#handshake, bytes);
    if (received.length > 0 && received[0] !== VERSION) throw new ProtocolError(`the first byte is ${received[0]}, not that of RTMP version ${VERSION}`);
    const end = 1 + 2 * HANDSHAKE_BYTES;
    if (received.length < end) {
      this.#handshake = received;
      return EMPTY;
    }
    this.#handshake = undefined;
    const c2 = received.slice(1, 1 + HANDSHAKE_BYTES);
    const { app, tcUrl } = this.#options;
    const chunkSize = this.#writer.setChunkSize(CHUNK_BYTES);
    const connect = this.#command(0, 'connect', TRANSACTIONS.connect, amfObject({ app, type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; Millrace)', tcUrl }));
    return concat(c2, chunkSize, connect, this.#readChunks(received.subarray(end)));
  }

  /** The bytes of `onMetaData`. */
  metadata(values: AmfObject): Uint8Array {
    return this.#send(AUDIO_CHUNKS, MessageType.amf0Data, 0, writeAmf0('@setDataFrame', 'onMetaData', values));
  }

  /** The bytes of a tag. @param timestampMs any; only its low 32 bits are sent. */
  media(kind: 'audio' | 'video', timestampMs: number, payload: Uint8Array): Uint8Array {
    const isAudio = kind === 'audio';
    return this.#send(isAudio ? AUDIO_CHUNKS : VIDEO_CHUNKS, isAudio ? MessageType.audio : MessageType.video, timestampMs >>> 0, payload);
  }

  /** What a publisher says that ends its stream. */
  goodbye(): Uint8Array {
    const { key } = this.#options;
    return concat(this.#command(0, 'FCUnpublish', TRANSACTIONS.goodbye, null, key), this.#command(0, 'deleteStream', TRANSACTIONS.goodbye + 1, null, this.#streamId));
  }

  #readChunks(bytes: Uint8Array): Uint8Array {
    this.#received += bytes.length;
    const replies = this.#reader.read(bytes).map((message) => this.#hear(message));
    if (this.#received - this.#acknowledged >= this.#window) {
      this.#acknowledged = this.#received;
      replies.push(this.#writer.write(2, acknowledgement(this.#received % 2 ** 32)));
    }
    return replies.length === 0 ? EMPTY : concat(...replies);
  }

  #hear(message: Message): Uint8Array {
    if (message.type === MessageType.windowAcknowledgementSize) {
      // A window of nothing would be answered to every byte.
      this.#window = Math.max(u32(message.payload, 0), MAX_ANSWER_BYTES);
      return EMPTY;
    }
    const pong = pingReply(message);
    if (pong) return this.#writer.write(2, pong);
    const command = readCommand(message);
    if (!command) return EMPTY;
    switch (command.name) {
      case '_result':
        return this.#accepted(command);
      case '_error':
        // Servers that do not know releaseStream and FCPublish say so, and go on.
        if (command.transaction === TRANSACTIONS.connect || command.transaction === TRANSACTIONS.createStream) throw refusal(command);
        return EMPTY;
      case 'onStatus':
        this.#status(command);
        return EMPTY;
      default:
        return EMPTY;
    }
  }

  #accepted({ transaction, args: [value] }: Command): Uint8Array {
    const { key } = this.#options;
    if (transaction === TRANSACTIONS.connect) {
      return concat(
        this.#command(0, 'releaseStream', TRANSACTIONS.releaseStream, null, key),
        this.#command(0, 'FCPublish', TRANSACTIONS.fcPublish, null, key),
        this.#command(0, 'createStream', TRANSACTIONS.createStream, null),
      );
    }
    if (transaction !== TRANSACTIONS.createStream) return EMPTY;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** 32) throw new ProtocolError('the answer to createStream holds no stream id');
    this.#streamId = value;
    return this.#command(value, 'publish', TRANSACTIONS.publish, null, key, 'live');
  }

  #status(command: Command): void {
    const [information = null] = command.args;
    const level = isAmfObject(information) ? amfString(information, 'level') : undefined;
    const code = isAmfObject(information) ? amfString(information, 'code') : undefined;
    if (level === 'error') throw refusal(command);
    if (code === 'NetStream.Publish.Start') this.#isPublishing = true;
    if (code === 'NetStream.Unpublish.Success' || code === 'NetConnection.Connect.Closed') throw new ProtocolError('the server ended the stream');
  }

  #command(streamId: number, ...values: readonly AmfValue[]): Uint8Array {
    return this.#writer.write(COMMAND_CHUNKS, writeCommand(streamId, ...values));
  }

  #send(chunkStream: number, type: number, timestamp: number, payload: Uint8Array): Uint8Array {
    return this.#writer.write(chunkStream, { type, streamId: this.#streamId, timestamp, payload });
  }
}

function refusal({ args, object }: Command): PublishRefused {
  const information = [...args, object].find(isAmfObject);
  const text = information && (amfString(information, 'description') || amfString(information, 'code'));
  return new PublishRefused((text || 'no reason given').slice(0, MAX_REASON_CHARACTERS));
}
