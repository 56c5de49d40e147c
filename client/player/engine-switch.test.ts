/** The choice between real time and segments, over connections that come late, freeze and are refused. */
import { expect, it } from 'vitest';
import { SignallingError } from '../webrtc/signalling.ts';
import type { Engine } from './engine.ts';
import { EngineSwitch, type Latency, type WatchedSource } from './engine-switch.ts';

class FakeSource implements WatchedSource {
  alive = true;
  idleMs = 0;
  silentMs = 0;
  closed = false;

  forgive(): void {
    this.idleMs = 0;
    this.silentMs = 0;
  }

  close(): void {
    this.closed = true;
  }
}

class FakeEngine implements Engine {
  readonly protocol: 'll-hls' | 'whep';
  readonly qualities = [];
  readonly quality = undefined;
  readonly details = { codecs: [], bandwidth: undefined, targetLatencyMs: undefined };
  readonly delays: string[] = [];
  closed = false;
  readonly #source: FakeSource | undefined;

  constructor(source?: FakeSource) {
    this.protocol = source ? 'whep' : 'll-hls';
    this.#source = source;
  }

  shownAt(): undefined {}
  chooseQuality(): void {}
  chooseDelay(delay: string): boolean {
    this.delays.push(delay);
    return true;
  }
  goLive(): void {}
  dateBehind(): undefined {}
  goBack(): boolean {
    return false;
  }
  behind(): undefined {}
  stay(): void {}
  retryNow(): void {}
  close(): void {
    this.closed = true;
    this.#source?.close();
  }
}

interface Attempt {
  readonly signal: AbortSignal;
  readonly resolve: (source: FakeSource) => void;
  readonly reject: (error: Error) => void;
}

function world(latency: Latency = 'real-time', offered = true) {
  let now = 0;
  const attempts: Attempt[] = [];
  const shown: FakeEngine[] = [];
  const made = new EngineSwitch<FakeSource>(
    {
      openRealTime: offered ? (signal) => new Promise((resolve, reject) => attempts.push({ signal, resolve, reject })) : undefined,
      showRealTime: (source) => {
        const engine = new FakeEngine(source);
        shown.push(engine);
        return engine;
      },
      showSegments: (delay) => {
        const engine = new FakeEngine();
        engine.chooseDelay(delay);
        shown.push(engine);
        return Promise.resolve(engine);
      },
      beforeChange: () => {},
      changed: () => {},
      now: () => now,
    },
    latency,
  );
  /** Ticks as a player does, and lets promises settle. */
  const pass = async (ms: number, due = true, isAtLive = true) => {
    for (const end = now + ms; now < end; ) {
      now = Math.min(end, now + 250);
      made.tick(due, isAtLive);
      await settle();
    }
  };
  return { made, attempts, shown, pass, protocol: () => made.engine?.protocol };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

async function inRealTime() {
  const all = world();
  all.made.begin();
  const source = new FakeSource();
  all.attempts[0]?.resolve(source);
  await settle();
  await all.pass(3000);
  return { ...all, source };
}

it('shows real time when its first frame comes in time', async () => {
  const { protocol, shown, made } = await inRealTime();
  expect(protocol()).toBe('whep');
  expect(shown).toHaveLength(1);
  expect(made.fallBack).toBeUndefined();
});

it('begins with segments after two seconds without a frame, and changes over when real time comes after all', async () => {
  const { made, attempts, shown, pass, protocol } = world();
  made.begin();
  await pass(1750);
  expect(protocol()).toBeUndefined();
  await pass(250);
  expect(protocol()).toBe('ll-hls');
  expect(made.fallBack).toBe('slow');
  attempts[0]?.resolve(new FakeSource());
  await settle();
  expect(protocol()).toBe('whep');
  expect(shown[0]?.closed).toBe(true);
  expect(made.fallBack).toBeUndefined();
});

it('tries again behind the back of segments, later each time', async () => {
  const { made, attempts, pass, protocol, shown } = world();
  made.begin();
  attempts[0]?.reject(new SignallingError('no path', 0));
  await settle();
  expect(protocol()).toBe('ll-hls');
  await pass(30_000);
  expect(attempts).toHaveLength(2);
  attempts[1]?.reject(new SignallingError('no path', 0));
  await pass(59_750);
  expect(attempts).toHaveLength(2);
  await pass(500);
  expect(attempts).toHaveLength(3);
  expect(shown).toHaveLength(1);
});

it('leaves segments alone while the viewer is behind, and tries again once they are at live', async () => {
  const { made, attempts, pass } = world();
  made.begin();
  attempts[0]?.reject(new SignallingError('no path', 0));
  await pass(60_000, true, false);
  expect(attempts).toHaveLength(1);
  await pass(250);
  expect(attempts).toHaveLength(2);
});

it('gives up the first connection that is only slow when the viewer wants segments', async () => {
  const { made, attempts, pass, protocol } = world();
  made.begin();
  await pass(2000);
  expect(protocol()).toBe('ll-hls');
  made.choose('low', true);
  const late = new FakeSource();
  attempts[0]?.resolve(late);
  await pass(60_000);
  expect([attempts[0]?.signal.aborted, late.closed, protocol(), attempts.length]).toEqual([true, true, 'll-hls', 1]);
});

it('does not ask again for what the server does not offer', async () => {
  const { made, attempts, pass, protocol } = world();
  made.begin();
  attempts[0]?.reject(new SignallingError('no common codec', 406));
  await settle();
  expect(protocol()).toBe('ll-hls');
  expect(made.fallBack).toBe('refused');
  await pass(600_000);
  expect(attempts).toHaveLength(1);
});

it('shows segments at once where there is no real time', async () => {
  const { made, protocol } = world('real-time', false);
  made.begin();
  await settle();
  expect(protocol()).toBe('ll-hls');
  expect(made.fallBack).toBe('unsupported');
});

it('makes a second connection when frames stop, and keeps the first until the second shows one', async () => {
  const { source, attempts, pass, protocol, shown } = await inRealTime();
  source.idleMs = 1200;
  await pass(250);
  expect(attempts).toHaveLength(2);
  expect(source.closed).toBe(false);
  attempts[1]?.resolve(new FakeSource());
  await settle();
  expect(source.closed).toBe(true);
  expect(protocol()).toBe('whep');
  expect(shown).toHaveLength(2);
});

it('leaves the second connection when the first comes back', async () => {
  const { source, attempts, pass, shown } = await inRealTime();
  source.idleMs = 1300;
  await pass(250);
  source.idleMs = 0;
  await pass(250);
  expect(attempts[1]?.signal.aborted).toBe(true);
  expect(shown).toHaveLength(1);
});

it('tries another path when the server is not heard at all, sooner than it misses frames, and counts that as a freeze only once it is used', async () => {
  const { source, attempts, pass, protocol, made } = await inRealTime();
  let current = source;
  // Over by themselves, however often.
  for (let i = 1; i <= 4; i++) {
    current.silentMs = current.idleMs = 750;
    await pass(250);
    expect(attempts).toHaveLength(i + 1);
    current.silentMs = current.idleMs = 0;
    await pass(250);
    expect(attempts[i]?.signal.aborted).toBe(true);
  }
  for (let i = 5; i <= 7; i++) {
    current.silentMs = current.idleMs = 750;
    await pass(250);
    current = new FakeSource();
    attempts[i]?.resolve(current);
    await pass(4000);
    expect(protocol()).toBe('whep');
  }
  current.silentMs = current.idleMs = 750;
  await pass(250);
  expect(protocol()).toBe('ll-hls');
  expect(made.fallBack).toBe('frozen');
});

it('falls to segments when the second connection shows nothing either', async () => {
  const { source, pass, protocol, made } = await inRealTime();
  source.alive = false;
  await pass(2250);
  expect(protocol()).toBe('ll-hls');
  expect(made.fallBack).toBe('frozen');
});

it('falls to segments when frames stop again and again', async () => {
  const { source, attempts, pass, protocol, made } = await inRealTime();
  let current = source;
  for (const attempt of [1, 2]) {
    current.idleMs = 1500;
    await pass(250);
    current = new FakeSource();
    attempts[attempt]?.resolve(current);
    await pass(4000);
    expect(protocol()).toBe('whep');
  }
  current.idleMs = 1500;
  await pass(250);
  expect(protocol()).toBe('ll-hls');
  expect(made.fallBack).toBe('frozen');
});

it('waits when a fresh connection shows no more than the old one: it is the publisher who stalls', async () => {
  const { source, attempts, pass, protocol } = await inRealTime();
  source.idleMs = 1500;
  await pass(250);
  const second = new FakeSource();
  attempts[1]?.resolve(second);
  await settle();
  second.idleMs = 5000;
  await pass(7250);
  expect(attempts).toHaveLength(2);
  await pass(500);
  expect(attempts).toHaveLength(3);
  const third = new FakeSource();
  attempts[2]?.resolve(third);
  await settle();
  third.idleMs = 5000;
  await pass(5000);
  expect(protocol()).toBe('whep');
});

it('does not miss frames while the publisher is away, nor in the moment after it returned', async () => {
  const { source, attempts, pass, made } = await inRealTime();
  source.idleMs = 20_000;
  await pass(20_000, false);
  made.retryNow();
  source.idleMs = 2000;
  await pass(2250);
  expect(attempts).toHaveLength(1);
  await pass(750);
  expect(attempts).toHaveLength(2);
});

it('changes as the viewer chooses, without a gap towards real time', async () => {
  const { made, attempts, source, protocol, shown } = await inRealTime();
  made.choose('stable', true);
  await settle();
  expect(source.closed).toBe(true);
  expect(protocol()).toBe('ll-hls');
  expect(shown[1]?.delays).toEqual(['steady']);
  made.choose('low', true);
  expect(shown[1]?.delays).toEqual(['steady', 'lowest']);
  made.choose('real-time', true);
  expect(protocol()).toBe('ll-hls');
  attempts[1]?.resolve(new FakeSource());
  await settle();
  expect(protocol()).toBe('whep');
  expect(shown[1]?.closed).toBe(true);
});

it('closes what comes too late', async () => {
  const { made, attempts } = world();
  made.begin();
  made.close();
  const late = new FakeSource();
  attempts[0]?.resolve(late);
  await settle();
  expect(late.closed).toBe(true);
});
