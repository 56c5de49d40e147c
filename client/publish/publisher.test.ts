/** The publisher over sessions that come and go. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SignallingError } from '../webrtc/signalling.ts';
import type { PublishLimits } from './limits.ts';
import type { PublishSession } from './publish-session.ts';
import { type OpenSession, Publisher, type PublisherDeps, type PublisherSnapshot } from './publisher.ts';

/** Stands where the peer connection would. */
class FakeSession implements PublishSession<string> {
  readonly #gone = Promise.withResolvers<void>();
  readonly lost = this.#gone.promise;
  readonly told: string[] = [];
  takesTracks = true;
  silentMs = 0;

  replace(stream: string): Promise<boolean> {
    this.told.push(`replace ${stream}`);
    return Promise.resolve(this.takesTracks);
  }

  limit({ maxHeight }: PublishLimits): Promise<void> {
    this.told.push(`limit ${maxHeight}`);
    return Promise.resolve();
  }

  stats() {
    return Promise.resolve({
      bitsPerSecond: 1000,
      roundTripMs: 20,
      loss: 0,
      framesPerSecond: 30,
      width: 640,
      height: 360,
      limitedBy: 'none',
      videoCodec: 'video/H264',
    } as const);
  }

  close(): void {
    this.told.push('close');
    this.drop();
  }

  abandon(): void {
    this.told.push('abandon');
    this.drop();
  }

  drop(): void {
    this.#gone.resolve();
  }
}

function start(change: Partial<PublisherDeps<string>> = {}) {
  const opened: OpenSession<string>[] = [];
  const snapshots: PublisherSnapshot[] = [];
  const outcomes: (FakeSession | Error)[] = [];
  const page = new EventTarget();
  const publisher = new Publisher<string>({
    stream: 'front',
    limits: { maxHeight: 720 },
    random: () => 0,
    page,
    onPageHide: 'end',
    open: (options) => {
      opened.push(options);
      const outcome = outcomes.shift() ?? new SignallingError('nobody there', 0);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    onChange: (snapshot) => snapshots.push(snapshot),
    ...change,
  });
  return { publisher, page, opened, snapshots, outcomes, states: () => snapshots.map(({ state }) => state) };
}

/** A publisher that is live on a first session. */
async function live(change: Partial<PublisherDeps<string>> = {}) {
  const first = new FakeSession();
  const opening = Promise.withResolvers<PublishSession<string>>();
  const later: (FakeSession | Error)[] = [];
  const times: number[] = [];
  const world = start({
    open: () => {
      times.push(Date.now());
      if (times.length === 1) return opening.promise;
      const next = later.shift() ?? new SignallingError('nobody there', 0);
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    ...change,
  });
  opening.resolve(first);
  await vi.advanceTimersByTimeAsync(0);
  return { ...world, first, later, times };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('is live once a session is open, measures each second and ends by telling the server', async () => {
  const { publisher, first, snapshots } = await live();
  expect(publisher.snapshot.state).toBe('live');
  await vi.advanceTimersByTimeAsync(1000);
  expect(snapshots.at(-1)?.stats?.bitsPerSecond).toBe(1000);
  publisher.end();
  await publisher.closed;
  expect(first.told[0]).toBe('close');
  expect(snapshots.at(-1)).toMatchObject({ state: 'ended', reason: undefined });
});

it('ends without a goodbye when the server has ended the broadcast already', async () => {
  const { publisher, first } = await live();
  publisher.end({ isKnown: true });
  await publisher.closed;
  expect(first.told).toContain('abandon');
  expect(first.told).not.toContain('close');
  expect(publisher.snapshot).toMatchObject({ state: 'ended', reason: undefined });
});

it('opens another session at once when one is lost, then waits longer each time', async () => {
  const { first, publisher, later, times } = await live();
  first.drop();
  await vi.advanceTimersByTimeAsync(0);
  expect(publisher.snapshot).toMatchObject({ state: 'reconnecting', reason: 'network' });
  await vi.advanceTimersByTimeAsync(300 + 1200 + 1500 + 1500);
  const [, ...tries] = times;
  const from = tries[0] ?? 0;
  expect(tries.map((at) => at - from)).toEqual([0, 300, 1500, 3000, 4500]);
  later.push(new FakeSession());
  await vi.advanceTimersByTimeAsync(1500);
  expect(publisher.snapshot.state).toBe('live');
});

it('tries at once when the network comes back', async () => {
  const { first, page, later, publisher } = await live();
  first.drop();
  await vi.advanceTimersByTimeAsync(300);
  later.push(new FakeSession());
  page.dispatchEvent(new Event('online'));
  await vi.advanceTimersByTimeAsync(0);
  expect(publisher.snapshot.state).toBe('live');
});

it.each([
  [401, 'refused'],
  [404, 'refused'],
  [406, 'no-codec'],
] as const)('gives up when the server answers %i', async (status, reason) => {
  const { publisher, opened } = start({ open: () => Promise.reject(new SignallingError('no', status)) });
  await publisher.closed;
  expect(publisher.snapshot).toMatchObject({ state: 'failed', reason });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(opened).toHaveLength(0);
});

it('waits as long as a busy server asks', async () => {
  const { times, later, first, publisher } = await live();
  later.push(new SignallingError('busy', 503, 5000), new FakeSession());
  first.drop();
  await vi.advanceTimersByTimeAsync(4999);
  expect(publisher.snapshot.reason).toBe('overloaded');
  expect(times).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(publisher.snapshot.state).toBe('live');
});

it('does not begin a broadcast anew that was ended elsewhere', async () => {
  const { first, publisher, times } = await live({ stillWanted: () => Promise.resolve(false) });
  first.drop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(publisher.snapshot).toMatchObject({ state: 'ended', reason: 'over' });
  expect(times).toHaveLength(1);
});

it('tries a second session beside one that is silent, and goes on with it', async () => {
  const { first, publisher, later, times, states } = await live();
  const second = new FakeSession();
  later.push(second);
  first.silentMs = 1000;
  await vi.advanceTimersByTimeAsync(200);
  expect(times).toHaveLength(2);
  expect(first.told).toEqual(['abandon', 'abandon']);
  expect(publisher.snapshot.state).toBe('live');
  expect(states()).not.toContain('reconnecting');
  second.drop();
  await vi.advanceTimersByTimeAsync(0);
  expect(publisher.snapshot.state).toBe('reconnecting');
  publisher.end();
});

it('keeps a session that is heard again, and gives up the second', async () => {
  const opening = Promise.withResolvers<PublishSession<string>>();
  const first = new FakeSession();
  const signals: AbortSignal[] = [];
  const { publisher } = start({
    open: ({ signal }) => {
      signals.push(signal);
      return signals.length === 1 ? Promise.resolve(first) : opening.promise;
    },
  });
  await vi.advanceTimersByTimeAsync(0);
  first.silentMs = 3000;
  await vi.advanceTimersByTimeAsync(200);
  expect(publisher.snapshot).toMatchObject({ state: 'reconnecting', reason: 'network' });
  first.silentMs = 0;
  await vi.advanceTimersByTimeAsync(200);
  expect(publisher.snapshot).toMatchObject({ state: 'live', reason: undefined });
  expect(signals.at(-1)?.aborted).toBe(true);
  const late = new FakeSession();
  opening.resolve(late);
  await vi.advanceTimersByTimeAsync(0);
  expect(late.told).toEqual(['close']);
  expect(first.told).toEqual([]);
  publisher.end();
});

it('waits for the second session when the first is lost meanwhile, and says no goodbye', async () => {
  const opening = Promise.withResolvers<PublishSession<string>>();
  const first = new FakeSession();
  let opened = 0;
  const { publisher } = start({ open: () => (++opened === 1 ? Promise.resolve(first) : opening.promise) });
  await vi.advanceTimersByTimeAsync(0);
  first.silentMs = 1000;
  await vi.advanceTimersByTimeAsync(200);
  first.drop();
  await vi.advanceTimersByTimeAsync(400);
  expect(publisher.snapshot.state).toBe('reconnecting');
  opening.resolve(new FakeSession());
  await vi.advanceTimersByTimeAsync(0);
  expect(publisher.snapshot.state).toBe('live');
  expect(opened).toBe(2);
  expect(first.told).toEqual(['abandon']);
  publisher.end();
});

it('is over, and not tried again, when a silent session belongs to a broadcast that was ended elsewhere', async () => {
  const { first, publisher, times } = await live({ stillWanted: () => Promise.resolve(false) });
  first.silentMs = 1000;
  await vi.advanceTimersByTimeAsync(400);
  await publisher.closed;
  expect(publisher.snapshot).toMatchObject({ state: 'ended', reason: 'over' });
  expect(first.told).toContain('abandon');
  expect(times).toHaveLength(1);
});

it('changes tracks and limits in place, and opens anew where a track has no place', async () => {
  const { first, publisher, later } = await live();
  await publisher.replaceStream('back');
  await publisher.limit({ maxHeight: 360 });
  expect(first.told).toEqual(['replace back', 'limit 360']);
  first.takesTracks = false;
  const second = new FakeSession();
  later.push(second);
  await publisher.replaceStream('screen with sound');
  await vi.advanceTimersByTimeAsync(0);
  expect(first.told).toContain('abandon');
  expect(publisher.snapshot.state).toBe('live');
});

it.each([
  ['end', 'close'],
  ['keep', 'abandon'],
] as const)('when the page goes and is to %s, it does %s', async (onPageHide, told) => {
  const { first, page, publisher } = await live({ onPageHide });
  page.dispatchEvent(new Event('pagehide'));
  expect(first.told[0]).toBe(told);
  publisher.end();
});

it('ends while it waits, and ends while it connects', async () => {
  const waiting = await live();
  waiting.first.drop();
  await vi.advanceTimersByTimeAsync(100);
  waiting.publisher.end();
  await waiting.publisher.closed;
  expect(waiting.publisher.snapshot.state).toBe('ended');

  const slow = Promise.withResolvers<PublishSession<string>>();
  const connecting = start({ open: () => slow.promise });
  connecting.publisher.end();
  const late = new FakeSession();
  slow.resolve(late);
  await connecting.publisher.closed;
  expect(late.told).toEqual(['close']);
});
