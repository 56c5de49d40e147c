import { fuzz } from '@millrace/media/fuzzing';
import { ProtocolError } from '@millrace/media/protocol-error';
import { Slabs } from '@millrace/media/slabs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AUDIO, VIDEO } from '../stream/testing/source.ts';
import { type FromWorker, MAX_MESSAGE_BYTES, MessageReader, parseFromWorker, parseToWorker, type ToWorker, writeMessage } from './wire.ts';

const UNIT = { dts: 2 ** 40, pts: 2 ** 40 + 3, key: true, data: Uint8Array.of(1, 2, 3) };

const TO_WORKER: readonly ToWorker[] = [
  { type: 'open', job: 1, spec: { kind: 'audio', source: AUDIO, codec: 'opus', channels: 2, resume: { lastPts: 960, fill: true } } },
  { type: 'open', job: 2, spec: { kind: 'video', source: VIDEO, maxBitsPerSecond: 1_000_000, resume: undefined } },
  {
    type: 'open',
    job: 3,
    spec: {
      kind: 'ladder',
      source: VIDEO,
      tiers: [{ width: 854, height: 480, maxBitsPerSecond: 1_400_000, maxFramesPerSecond: 30, expectedFramesPerSecond: 23.976, preset: 'fast' }],
      encoder: { name: 'vaapi', device: '/dev/dri/renderD128' },
    },
  },
  { type: 'open', job: 4, spec: { kind: 'picture', source: VIDEO } },
  { type: 'unit', job: 2 ** 32 - 1, unit: UNIT },
  { type: 'setOutputs', job: 3, wanted: [false, true, true] },
  { type: 'requestKeyFrame', job: 2 },
  { type: 'close', job: 2 },
  { type: 'ping', job: 0 },
];

const FROM_WORKER: readonly FromWorker[] = [
  { type: 'format', job: 2, output: 3, format: { width: 1280, height: 720, config: Uint8Array.of(1, 66, 192, 31) } },
  { type: 'unit', job: 1, output: 7, unit: { ...UNIT, key: false } },
  { type: 'done', job: 1, units: 12, cpuMicros: 4_321 },
  { type: 'failed', job: 1, why: 'there is no decoder' },
  { type: 'pong', job: 0, cpuMicros: 1_234_567 },
];

type Parse<Message> = (message: Parameters<typeof parseToWorker>[0], memory: Slabs) => Message;

/** The messages of this stream cut into pieces of these sizes, again and again. */
function read<Message>(bytes: Uint8Array, sizes: readonly number[], parse: Parse<Message>): Message[] {
  const reader = new MessageReader();
  const memory = new Slabs();
  const messages: Message[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    for (const message of reader.push(bytes.subarray(at, at + size))) messages.push(parse(message, memory));
    at += size;
  }
  return messages;
}

describe('messages', () => {
  it('come out as they went in, however the socket cuts them', () => {
    const to = Buffer.concat(TO_WORKER.map(writeMessage));
    const from = Buffer.concat(FROM_WORKER.map(writeMessage));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }), (sizes) => {
        expect(read(to, sizes, parseToWorker)).toEqual(TO_WORKER);
        expect(read(from, sizes, parseFromWorker)).toEqual(FROM_WORKER);
      }),
      { examples: [[[1]], [[4]], [[9]], [[65_536]]] },
    );
  });

  it('do not hold on to the socket’s memory: the bytes of a unit are its own', () => {
    const bytes = writeMessage({ type: 'unit', job: 1, unit: UNIT });
    const [message] = read(bytes, [bytes.length], parseFromWorker);
    bytes.fill(0);
    expect(message).toMatchObject({ unit: { data: Uint8Array.of(1, 2, 3) } });
  });

  it('of an absurd length end the conversation before their body is waited for', () => {
    const length = MAX_MESSAGE_BYTES + 1;
    const head = Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
    expect(() => [...new MessageReader().push(head)]).toThrow(ProtocolError);
    expect(() => [...new MessageReader().push(Uint8Array.of(0, 0, 0, 4))]).toThrow(ProtocolError);
  });

  it('with times that are none are refused', () => {
    for (const unit of [
      { ...UNIT, dts: Number.NaN },
      { ...UNIT, pts: Number.POSITIVE_INFINITY },
      { ...UNIT, pts: UNIT.dts - 1 },
      { ...UNIT, dts: 0.5 },
    ]) {
      const bytes = writeMessage({ type: 'unit', job: 1, unit });
      expect(() => read(bytes, [bytes.length], parseFromWorker)).toThrow(ProtocolError);
    }
  });

  it('survive any bytes', () => {
    const parse = (one: Parse<ToWorker | FromWorker>) => (bytes: Uint8Array) => {
      for (const message of new MessageReader().push(bytes)) one(message, new Slabs());
    };
    fuzz(parse(parseToWorker), TO_WORKER.map(writeMessage));
    fuzz(parse(parseFromWorker), FROM_WORKER.map(writeMessage));
  });
});
