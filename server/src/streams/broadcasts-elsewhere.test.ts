import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import type { BroadcastRow } from '../store/broadcasts.ts';
import type { StoredStream } from '../store/streams.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import { BroadcastsElsewhere } from './broadcasts-elsewhere.ts';

const AT = new Date(0);
const ROW: BroadcastRow = { id: 'b', streamId: 'one', epoch: 'e', state: 'live', createdAt: AT, startedAt: AT, reconnectUntil: null, endedAt: null, endReason: null };
const HERE: Broadcast = { streamId: 'one', broadcastId: 'b', epoch: 'e', createdAt: 0, startedAt: 0, state: 'live' };
const STREAM: Omit<StoredStream, 'broadcast'> = {
  ...{ id: 'one', ownerId: 'owner', ownerKind: 'guest', code: 'ABC234', title: 'Harbour', description: '', visibility: 'public', start: 'auto' },
  ...{ secondPublisher: 'takeover', record: false, rewindSeconds: 0, ladder: 'auto', createdAt: AT, updatedAt: AT },
};

function world() {
  const clock = new FakeClock();
  const log = quietLog();
  const known = { row: null as BroadcastRow | null, here: undefined as Broadcast | undefined, isAway: false, asked: 0 };
  const elsewhere = new BroadcastsElsewhere({
    clock,
    log,
    media: { broadcast: () => known.here },
    store: {
      async byId() {
        known.asked++;
        if (known.isAway) throw new Error('the database is away');
        return { ...STREAM, broadcast: known.row };
      },
    },
  });
  return { clock, log, known, isLive: () => elsewhere.isLive('one') };
}

test.each<[string, BroadcastRow | null, Broadcast | undefined, boolean]>([
  ['nobody sends anywhere', null, undefined, false],
  ['another server has it', ROW, undefined, true],
  ['its publisher was lost there a moment ago', { ...ROW, state: 'reconnecting', reconnectUntil: AT }, undefined, true],
  ['it is previewed there', { ...ROW, state: 'preview', startedAt: null }, undefined, false],
  ['it has ended', { ...ROW, state: 'ended', endedAt: AT, endReason: 'stopped' }, undefined, false],
  ['it is here', ROW, HERE, false],
  ['it ended here, which is not written yet', ROW, { ...HERE, state: 'ended', endedAt: 1, endReason: 'stopped' }, false],
  ['it ended here, and runs there', { ...ROW, id: 'c' }, { ...HERE, state: 'ended', endedAt: 1, endReason: 'stopped' }, true],
])('when %s', async (_, row, here, isLive) => {
  const made = world();
  made.known.row = row;
  made.known.here = here;
  expect(await made.isLive()).toBe(isLive);
});

test('the database is not asked for each player, and who cannot ask it says so to the operator alone', async () => {
  const { clock, log, known, isLive } = world();
  known.row = ROW;
  for (let players = 0; players < 10; players++) expect(await isLive()).toBe(true);
  expect(known.asked).toBe(1);
  known.isAway = true;
  clock.advance(2_000);
  expect(await isLive()).toBe(false);
  expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
});
