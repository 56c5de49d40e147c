import type { Measurement, MinuteMeasurement } from '@millrace/contract/entities/measurement';
import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import type { MinuteRow } from '../store/measurements.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import { MeasurementHistory } from './measurement-history.ts';

const START = Date.parse('2026-11-21T10:00:00.000Z');
const BROADCAST: Broadcast = { streamId: 's', broadcastId: 'b', epoch: 'e', createdAt: START, state: 'live', startedAt: START };

/** Keeps what is put; refuses to while it is away. */
class MemoryStore {
  readonly rows = new Map<string, MinuteRow>();
  isAway = false;

  async put(rows: readonly MinuteRow[]): Promise<void> {
    if (this.isAway) throw new Error('away');
    for (const row of rows) this.rows.set(`${row.streamId} ${row.at}`, row);
  }

  async since(streamId: string, since: Date): Promise<MinuteMeasurement[]> {
    return [...this.rows.values()].filter((row) => row.streamId === streamId && row.at >= since.toISOString()).map(({ streamId: _, broadcastId: __, ...minute }) => minute);
  }
}

function world() {
  const clock = new FakeClock(START);
  const store = new MemoryStore();
  const history = new MeasurementHistory({ clock, log: quietLog(), store });
  history.start();
  const measure = (seconds: number, part: Partial<Measurement> = {}, broadcast: Broadcast = BROADCAST) => {
    for (let second = 0; second < seconds; second++) {
      history.measured(broadcast, {
        at: new Date(clock.now()).toISOString(),
        video: { codec: 'avc1.64001f', width: 1280, height: 720, framesPerSecond: 30, bitsPerSecond: 2_000_000, keyFrameIntervalSeconds: 2, bFrames: false },
        audio: { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2, bitsPerSecond: 128_000 },
        droppedUnits: 0,
        repairedTimestamps: 0,
        discontinuities: 0,
        viewers: 1,
        warnings: [],
        bridges: [],
        ladder: null,
        ...part,
      });
      clock.advance(1_000);
    }
  };
  return { clock, store, history, measure };
}

it('makes a minute of its seconds: means, the peak of viewers, the share of drops', async () => {
  const { store, history, measure } = world();
  measure(30, { droppedUnits: 4, viewers: 2 });
  measure(30, { droppedUnits: 10, viewers: 9, video: null });
  measure(1, { droppedUnits: 11 });
  expect(await history.since('s', undefined)).toEqual([
    {
      at: '2026-11-21T10:00:00.000Z',
      videoBitsPerSecond: 1_000_000,
      audioBitsPerSecond: 128_000,
      framesPerSecond: 15,
      keyFrameIntervalSeconds: 2,
      droppedUnits: 10,
      viewers: 9,
    },
  ]);
  await history.close();
  expect([...store.rows.values()].map(({ at, droppedUnits }) => [at, droppedUnits])).toEqual([
    ['2026-11-21T10:00:00.000Z', 10],
    ['2026-11-21T10:01:00.000Z', 1],
  ]);
});

it('counts the drops of a new broadcast from zero', async () => {
  const { history, measure } = world();
  measure(60, { droppedUnits: 50 });
  measure(60, { droppedUnits: 3 }, { ...BROADCAST, broadcastId: 'c' });
  measure(1);
  expect((await history.since('s', undefined)).map((minute) => minute.droppedUnits)).toEqual([50, 3]);
});

it('hands over the last minute of a stream that fell silent', async () => {
  const { clock, history, measure } = world();
  measure(10);
  clock.advance(60_000);
  expect(await history.since('s', undefined)).toHaveLength(1);
});

it('answers from what is not yet written when the database is away, and from `since` on', async () => {
  const { store, history, measure } = world();
  store.isAway = true;
  measure(181);
  expect((await history.since('s', new Date(START + 60_000))).map((minute) => minute.at)).toEqual(['2026-11-21T10:01:00.000Z', '2026-11-21T10:02:00.000Z']);
  expect(await history.since('other', undefined)).toEqual([]);
});

it('answers a day at most', async () => {
  const { history, measure } = world();
  measure(60 * 1_500);
  const minutes = await history.since('s', new Date(START));
  expect(minutes).toHaveLength(1_440);
});
