import type { Unit } from '@millrace/media/unit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Reader, type ReaderItem } from './reader.ts';
import { AUDIO, collect, picture, sound, VIDEO } from './testing/source.ts';

/** What is in the queue now: the reader is ended, then drained. */
async function drain(reader: Reader): Promise<ReaderItem[]> {
  reader.end();
  return collect(reader);
}

function times(items: readonly ReaderItem[]): number[] {
  return items.flatMap((item) => (item.type === 'unit' ? [item.unit.dts / (item.unit.track === VIDEO.id ? VIDEO.timescale : AUDIO.timescale)] : []));
}

it('hands over formats, units and pauses in order', async () => {
  const reader = new Reader();
  reader.tracks([VIDEO, AUDIO]);
  reader.unit(picture(0, true));
  reader.unit(sound(0));
  reader.pause();
  const items = await drain(reader);
  expect(items.map((item) => item.type)).toEqual(['tracks', 'unit', 'unit', 'pause']);
});

it('wakes a waiting consumer', async () => {
  const reader = new Reader();
  const iterator = reader[Symbol.asyncIterator]();
  const next = iterator.next();
  reader.unit(sound(1));
  expect(await next).toMatchObject({ done: false, value: { type: 'unit' } });
  const last = iterator.next();
  reader.end();
  expect(await last).toMatchObject({ done: true });
});

it('loses whole groups when it is too slow, keeps the formats and begins again with a key frame', async () => {
  const reader = new Reader({ maxUnits: 10 });
  reader.tracks([VIDEO]);
  for (let frame = 0; frame < 20; frame++) reader.unit(picture(frame, frame % 8 === 0));
  const items = await drain(reader);
  expect(items[0]?.type).toBe('tracks');
  expect(times(items)).toEqual([16, 17, 18, 19]);
  expect(reader.droppedUnits).toBe(16);
});

it('is bounded by bytes as well', async () => {
  const reader = new Reader({ maxBytes: 1000 });
  reader.tracks([VIDEO]);
  for (let frame = 0; frame < 20; frame++) reader.unit(picture(frame, true, 300));
  expect(times(await drain(reader))).toEqual([18, 19]);
  expect(reader.droppedUnits).toBe(18);
});

it('does not grow when a publisher comes and goes while nobody reads', async () => {
  const reader = new Reader({ maxUnits: 10 });
  for (let times = 0; times < 1000; times++) {
    reader.tracks([VIDEO]);
    reader.unit(picture(times, true));
    reader.pause();
  }
  expect((await drain(reader)).length).toBeLessThanOrEqual(11);
});

it('[reader] holds at most its bound, counts every unit it lost and never begins a group in the middle', async () => {
  const units = fc.array(fc.record({ key: fc.boolean(), audio: fc.boolean(), bytes: fc.integer({ min: 0, max: 400 }), take: fc.boolean() }), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(units, async (steps) => {
      const reader = new Reader({ maxUnits: 12, maxBytes: 2000 });
      const iterator = reader[Symbol.asyncIterator]();
      const got: Unit[] = [];
      reader.tracks([VIDEO, AUDIO]);
      let queued = 1;
      for (const [i, step] of steps.entries()) {
        const before = reader.droppedUnits;
        reader.unit(step.audio ? sound(i, step.bytes) : picture(i, i === 0 || step.key, step.bytes));
        queued += 1 - (reader.droppedUnits - before);
        expect(queued).toBeLessThanOrEqual(13);
        if (!step.take || queued === 0) continue;
        const { value } = await iterator.next();
        queued--;
        if (value?.type === 'unit') got.push(value.unit);
      }
      reader.end();
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) if (next.value.type === 'unit') got.push(next.value.unit);
      expect(got.length + reader.droppedUnits).toBe(steps.length);
      let last = 0;
      for (const unit of got.filter((candidate) => candidate.track === VIDEO.id)) {
        const at = unit.dts / VIDEO.timescale;
        const missed = steps.slice(last + 1, at).some((step) => !step.audio);
        if (missed) expect(unit.key).toBe(true);
        last = at;
      }
    }),
    { seed: 20_261_123, numRuns: 200 },
  );
});
