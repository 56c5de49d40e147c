import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRtcp } from './rtcp.ts';
import { readTransportFeedback } from './testing/transport-feedback-reader.ts';
import { ArrivalLog } from './transport-feedback.ts';

function told(log: ArrivalLog) {
  const message = log.message(1, 2);
  return message && readTransportFeedback(message);
}

test('says when each packet came, which did not, and nothing twice', () => {
  const log = new ArrivalLog();
  expect(told(log)).toBeUndefined();
  log.packet(65_534, 1_000_000);
  log.packet(65_535, 1_000_500);
  log.packet(1, 1_100_000);
  expect(told(log)).toEqual({
    sender: 1,
    media: 2,
    count: 0,
    packets: [
      [65_534, 1_000_000],
      [65_535, 1_000_500],
      [0, undefined],
      [1, 1_100_000],
    ],
  });
  expect(told(log)).toBeUndefined();
  log.packet(2, 1_200_000);
  expect(told(log)).toMatchObject({ count: 1, packets: [[2, 1_200_000]] });
});

test('one that was told as lost and comes late is told with what came after it, at the time it came first', () => {
  const log = new ArrivalLog();
  log.packet(10, 0);
  log.packet(12, 5_000);
  told(log);
  log.packet(11, 9_000);
  log.packet(12, 20_000);
  expect(told(log)?.packets).toEqual([
    [11, 9_000],
    [12, 5_000],
  ]);
});

test('packets further apart than a message can tell get messages of their own', () => {
  const log = new ArrivalLog();
  log.packet(1, 0);
  log.packet(2, 10_000_000);
  expect(told(log)?.packets).toEqual([[1, 0]]);
  expect(told(log)?.packets).toEqual([[2, 10_000_000]]);
  expect(told(log)).toBeUndefined();
});

test('numbers that jump begin anew, and what is long gone is passed over', () => {
  const log = new ArrivalLog();
  log.packet(5_000, 0);
  log.packet(20_000, 250);
  expect(told(log)?.packets).toEqual([[20_000, 250]]);
  log.packet(5_001, 500);
  expect(told(log)).toBeUndefined();
});

test('whatever comes, each message is whole, bounded, read by others as a kind they do not know, and true', () => {
  const arrivals = fc.array(
    fc.record({
      step: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: -5, max: 20 }) }, fc.integer({ min: -40_000, max: 40_000 })),
      waitMicros: fc.nat(200_000),
      asks: fc.boolean(),
    }),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(arrivals, fc.nat(0xffff), (steps, begin) => {
      const log = new ArrivalLog();
      const came = new Map<number, Set<number>>();
      let [sequence, now] = [begin, 1_000_000];
      for (const { step, waitMicros, asks } of steps) {
        sequence = (sequence + step) & 0xffff;
        now += waitMicros;
        log.packet(sequence, now);
        came.set(sequence, (came.get(sequence) ?? new Set()).add(Math.floor(now / 250) * 250));
        const message = asks ? log.message(1, 2) : undefined;
        if (!message) continue;
        expect(message.length).toBeLessThan(1_200);
        expect(readRtcp(message)).toEqual([]);
        const { packets } = readTransportFeedback(message);
        expect(packets.length).toBeLessThanOrEqual(400);
        for (const [number, at] of packets) if (at !== undefined) expect(came.get(number)?.has(at)).toBe(true);
      }
    }),
  );
});
