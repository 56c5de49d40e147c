import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import type { ViewingRow } from '../store/viewings.ts';
import { MemoryViewerCounter } from './viewer-counter.ts';
import { Visits } from './visits.ts';

const TIMEOUT_MS = 12_500;

function world() {
  const clock = new FakeClock(1_700_000_000_000);
  const counter = new MemoryViewerCounter({ clock, timeoutMs: TIMEOUT_MS, listener: { viewersCounted() {} } });
  counter.start();
  const rows = new Map<string, ViewingRow>();
  let ids = 0;
  const visits = new Visits({
    clock,
    counter,
    viewings: { put: (row) => rows.set(row.id, row) },
    broadcasts: { get: () => ({ broadcastId: 'b' }) },
    newId: () => `id${++ids}`,
  });
  return { clock, counter, rows, visits };
}

it('counts each WHEP session as a viewer, and writes down how long it watched', () => {
  const { clock, counter, rows, visits } = world();
  const [first, second] = [visits.beginSession('one'), visits.beginSession('one')];
  expect(counter.count('one')).toBe(2);
  clock.advance(5_000);
  first.end();
  first.end();
  expect(counter.count('one')).toBe(1);
  second.end();
  expect(counter.count('one')).toBe(0);
  const [row] = rows.values();
  expect(row).toMatchObject({ streamId: 'one', broadcastId: 'b', userId: null, protocol: 'whep', device: 'other', stalls: 0, meanLatencyMs: null });
  expect(Number(row?.endedAt) - Number(row?.startedAt)).toBe(5_000);
  expect(rows.size).toBe(2);
});

it('takes a session that is silent for vanished, and back when it is heard again', () => {
  const { clock, counter, rows, visits } = world();
  const visit = visits.beginSession('one');
  clock.advance(TIMEOUT_MS + 1_000);
  expect(counter.count('one')).toBe(0);
  visit.beat();
  expect(counter.count('one')).toBe(1);
  expect(rows.size).toBe(2);
  visit.end();
  visit.beat();
  expect(counter.count('one')).toBe(0);
});
