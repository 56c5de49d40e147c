/**
 * What the server and its workers say to each other, in length-prefixed messages over a socket: u32 length of what follows,
 * u8 type, u32 job, body. Media is never turned into text.
 */
import { concat, putU32, u32, u32Bytes } from '@millrace/media/big-endian';
import { ProtocolError } from '@millrace/media/protocol-error';
import type { Slabs } from '@millrace/media/slabs';
import { z } from 'zod';
import { X264_PRESETS } from '../lib/x264-presets.ts';
import { ENCODER_NAMES, type EncoderSetting, type JobSpec, MAX_TIERS, type VideoFormat } from './job.ts';

/** A key frame of 8K at the best quality; longer is nonsense. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Type and job. */
const HEAD_BYTES = 5;

/** Decoding time, presentation time, key flag and output. */
const UNIT_HEAD_BYTES = 17;

/** Width, height and output. */
const FORMAT_HEAD_BYTES = 9;

const TYPES = { open: 1, unit: 2, requestKeyFrame: 3, close: 4, ping: 5, setOutputs: 6, format: 17, done: 18, failed: 19, pong: 20 } as const;

export interface WireUnit {
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** From the server. */
export type ToWorker =
  | { readonly type: 'open'; readonly job: number; readonly spec: JobSpec }
  | { readonly type: 'unit'; readonly job: number; readonly unit: WireUnit }
  | { readonly type: 'setOutputs'; readonly job: number; readonly wanted: readonly boolean[] }
  | { readonly type: 'requestKeyFrame' | 'close' | 'ping'; readonly job: number };

/** From a worker. */
export type FromWorker =
  | { readonly type: 'format'; readonly job: number; readonly output: number; readonly format: VideoFormat }
  | { readonly type: 'unit'; readonly job: number; readonly output: number; readonly unit: WireUnit }
  /** So many units more were worked off, and the CPU time that they took. */
  | { readonly type: 'done'; readonly job: number; readonly units: number; readonly cpuMicros: number }
  /** The job cannot go on. */
  | { readonly type: 'failed'; readonly job: number; readonly why: string }
  /** CPU time the worker has used so far. */
  | { readonly type: 'pong'; readonly job: number; readonly cpuMicros: number };

export interface WireMessage {
  readonly type: number;
  readonly job: number;
  readonly body: Uint8Array;
}

const Bytes = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const Resume = z.strictObject({ lastPts: z.int(), fill: z.boolean() }).optional();
const TrackBase = { id: z.int(), timescale: z.int().positive(), config: Bytes, codecString: z.string() };

const VideoSource = z.strictObject({
  ...TrackBase,
  kind: z.literal('video'),
  codec: z.enum(['h264', 'hevc', 'av1', 'vp9', 'vp8']),
  width: z.int().nonnegative(),
  height: z.int().nonnegative(),
});

const Tier = z.strictObject({
  width: z.int().min(2).multipleOf(2),
  height: z.int().min(2).multipleOf(2),
  maxBitsPerSecond: z.int().positive(),
  maxFramesPerSecond: z.int().positive(),
  expectedFramesPerSecond: z.number().positive(),
  preset: z.enum(X264_PRESETS),
});

const Encoder = z.strictObject({ name: z.enum(ENCODER_NAMES), device: z.string().nullable() });

const Spec = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('audio'),
    source: z.strictObject({
      ...TrackBase,
      kind: z.literal('audio'),
      codec: z.enum(['aac', 'opus', 'mp3', 'flac', 'ac3', 'eac3']),
      sampleRate: z.int().nonnegative(),
      channels: z.int().nonnegative(),
    }),
    codec: z.enum(['opus', 'aac']),
    channels: z.union([z.literal(1), z.literal(2)]),
    resume: Resume,
  }),
  z.strictObject({
    kind: z.literal('video'),
    source: VideoSource,
    maxBitsPerSecond: z.int().positive(),
    resume: Resume,
  }),
  z.strictObject({ kind: z.literal('ladder'), source: VideoSource, tiers: z.array(Tier).min(1).max(MAX_TIERS), encoder: Encoder }),
  z.strictObject({ kind: z.literal('picture'), source: VideoSource }),
]);

/** The bytes of a message. */
export function writeMessage(message: ToWorker | FromWorker): Uint8Array {
  switch (message.type) {
    case 'open':
      return frame(message, specBody(message.spec));
    case 'unit':
      return unitMessage(message.job, message.unit, 'output' in message ? message.output : 0);
    case 'setOutputs':
      return frame(message, Uint8Array.from(message.wanted, Number));
    case 'format': {
      const { width, height, config } = message.format;
      return frame(message, concat(u32Bytes(width), u32Bytes(height), Uint8Array.of(message.output), config));
    }
    case 'done':
      return frame(message, concat(u32Bytes(message.units), float(message.cpuMicros)));
    case 'failed':
      return frame(message, Buffer.from(message.why.slice(0, 500)));
    case 'pong':
      return frame(message, float(message.cpuMicros));
    default:
      return frame(message, new Uint8Array(0));
  }
}

/** What a trial is told of the encoder, in JSON. Throws ZodError. */
export function parseEncoderSetting(text: string): EncoderSetting {
  return Encoder.parse(JSON.parse(text));
}

/** What a worker was told; units are copied into `memory`. Throws ProtocolError. */
export function parseToWorker({ type, job, body }: WireMessage, memory: Slabs): ToWorker {
  switch (type) {
    case TYPES.open:
      return { type: 'open', job, spec: parseSpec(body) };
    case TYPES.unit:
      return { type: 'unit', job, unit: parseUnit(body, memory) };
    case TYPES.setOutputs:
      if (body.length > MAX_TIERS) throw new ProtocolError(`${body.length} outputs are more than ${MAX_TIERS}`);
      return { type: 'setOutputs', job, wanted: Array.from(body, (wanted) => wanted === 1) };
    case TYPES.requestKeyFrame:
      return { type: 'requestKeyFrame', job };
    case TYPES.close:
      return { type: 'close', job };
    case TYPES.ping:
      return { type: 'ping', job };
    default:
      throw new ProtocolError(`message type ${type} is not one a worker knows`);
  }
}

/** What a worker said; it has read hostile media, so nothing of it is trusted. Units are copied into `memory`. Throws ProtocolError. */
export function parseFromWorker({ type, job, body }: WireMessage, memory: Slabs): FromWorker {
  switch (type) {
    case TYPES.unit:
      return { type: 'unit', job, output: outputOf((body[UNIT_HEAD_BYTES - 1] ?? 0) >> 1), unit: parseUnit(body, memory) };
    case TYPES.format:
      if (body.length < FORMAT_HEAD_BYTES) throw new ProtocolError(`format of ${body.length} bytes is shorter than ${FORMAT_HEAD_BYTES}`);
      return {
        type: 'format',
        job,
        output: outputOf(body[FORMAT_HEAD_BYTES - 1] ?? 0),
        format: { width: u32(body, 0), height: u32(body, 4), config: new Uint8Array(body.subarray(FORMAT_HEAD_BYTES)) },
      };
    case TYPES.done:
      if (body.length !== 12) throw new ProtocolError(`count of ${body.length} bytes is not one of 12`);
      return { type: 'done', job, units: u32(body, 0), cpuMicros: parseMicros(body.subarray(4)) };
    case TYPES.failed:
      return { type: 'failed', job, why: new TextDecoder().decode(body.subarray(0, 2_000)) };
    case TYPES.pong:
      return { type: 'pong', job, cpuMicros: parseMicros(body) };
    default:
      throw new ProtocolError(`message type ${type} is not one the server knows`);
  }
}

/** Cuts a byte stream into messages. Holds at most one message that is not whole. */
export class MessageReader {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Of the message that is awaited, with its length; 4 until that is known. */
  #wanted = 4;

  /** The messages that this piece completes. Throws ProtocolError, behind which nothing can be read any more. */
  *push(chunk: Uint8Array): Iterable<WireMessage> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#wanted) {
      const whole = this.#chunks.length === 1 ? (this.#chunks[0] ?? chunk) : concat(...this.#chunks);
      const length = u32(whole, 0);
      if (length < HEAD_BYTES || length > MAX_MESSAGE_BYTES) throw new ProtocolError(`message of ${length} bytes is not between ${HEAD_BYTES} and ${MAX_MESSAGE_BYTES}`);
      const end = 4 + length;
      const isWhole = whole.length >= end;
      const rest = isWhole ? whole.subarray(end) : whole;
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#bytes = rest.length;
      this.#wanted = isWhole ? 4 : end;
      if (isWhole) yield { type: whole[4] ?? 0, job: u32(whole, 5), body: whole.subarray(4 + HEAD_BYTES, end) };
    }
  }
}

function frame({ type, job }: { readonly type: keyof typeof TYPES; readonly job: number }, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + HEAD_BYTES + body.length);
  putHead(bytes, TYPES[type], job);
  bytes.set(body, 4 + HEAD_BYTES);
  return bytes;
}

function putHead(bytes: Uint8Array, type: number, job: number): void {
  putU32(bytes, 0, bytes.length - 4);
  bytes[4] = type;
  putU32(bytes, 5, job);
}

function unitMessage(job: number, { dts, pts, key, data }: WireUnit, output: number): Uint8Array {
  const at = 4 + HEAD_BYTES;
  const bytes = new Uint8Array(at + UNIT_HEAD_BYTES + data.length);
  putHead(bytes, TYPES.unit, job);
  const view = viewOf(bytes);
  view.setFloat64(at, dts);
  view.setFloat64(at + 8, pts);
  bytes[at + 16] = (output << 1) | (key ? 1 : 0);
  bytes.set(data, at + UNIT_HEAD_BYTES);
  return bytes;
}

function parseUnit(body: Uint8Array, memory: Slabs): WireUnit {
  if (body.length < UNIT_HEAD_BYTES) throw new ProtocolError(`unit of ${body.length} bytes is shorter than ${UNIT_HEAD_BYTES}`);
  const view = viewOf(body);
  const dts = view.getFloat64(0);
  const pts = view.getFloat64(8);
  if (!Number.isSafeInteger(dts) || !Number.isSafeInteger(pts) || pts < dts) throw new ProtocolError(`unit at ${dts}, shown at ${pts}, has no place in time`);
  return { dts, pts, key: ((body[16] ?? 0) & 1) === 1, data: memory.copy(body.subarray(UNIT_HEAD_BYTES)) };
}

function outputOf(output: number): number {
  if (output >= MAX_TIERS) throw new ProtocolError(`output ${output} is not below ${MAX_TIERS}`);
  return output;
}

function float(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setFloat64(0, value);
  return bytes;
}

function parseMicros(body: Uint8Array): number {
  const micros = body.length === 8 ? viewOf(body).getFloat64(0) : Number.NaN;
  if (!(micros >= 0)) throw new ProtocolError(`${body.length} bytes tell no CPU time`);
  return micros;
}

function specBody(spec: JobSpec): Uint8Array {
  const config = Buffer.from(spec.source.config).toString('base64');
  return Buffer.from(JSON.stringify({ ...spec, source: { ...spec.source, config } }));
}

function parseSpec(body: Uint8Array): JobSpec {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    throw new ProtocolError(`the job is no JSON: ${String(error)}`);
  }
  const parsed = Spec.safeParse(value);
  if (!parsed.success) throw new ProtocolError(`the job is none: ${parsed.error.issues[0]?.message ?? 'unknown'}`);
  const { data } = parsed;
  return data.kind === 'ladder' || data.kind === 'picture' ? data : { ...data, resume: data.resume };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
