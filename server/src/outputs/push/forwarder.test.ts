import { setImmediate } from 'node:timers/promises';
import type { Track } from '@millrace/media/track';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { Hub } from '../../stream/hub.ts';
import { SMALL_VIDEO, VIDEO } from '../../stream/testing/source.ts';
import { goLive } from '../../transcode/testing/media.ts';
import { Forwarder } from './forwarder.ts';
import type { SenderKind } from './sender.ts';
import type { BridgeSource } from './target-feed.ts';

const FORMATS: readonly [Track, Track] = [VIDEO, { ...SMALL_VIDEO, id: VIDEO.id }];

const NO_BRIDGES: BridgeSource = {
  acquire() {
    throw new Error('everything is carried as it is');
  },
};

function forwarding() {
  const clock = new FakeClock();
  let ids = 0;
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, listener: { broadcastChanged() {} }, makeSinks: () => [] });
  const { stream, publication } = goLive(hub, 'a', [VIDEO]);
  const opened: (readonly Track[])[] = [];
  /** A service that takes everything. */
  const senders: SenderKind = {
    carries: () => true,
    async open({ tracks }) {
      opened.push(tracks);
      const closed = Promise.withResolvers<undefined>();
      return { closed: closed.promise, bytesSent: 0, send: () => undefined, close: async () => closed.resolve(undefined) };
    },
  };
  const target = { id: 't', protocol: 'rtmp', host: 'service.example', port: 1935, app: 'live', key: 'k', passphrase: '' } as const;
  const forwarder = new Forwarder({ stream, target, bridges: NO_BRIDGES, senders, clock, log: quietLog() });
  forwarder.start();
  let changes = 0;
  const change = async () => {
    publication.tracks([FORMATS[++changes % 2 === 0 ? 0 : 1]]);
    // What follows from it takes some turns.
    for (let turns = 0; turns < 5; turns++) await setImmediate();
  };
  return { clock, forwarder, opened, change };
}

test('formats that change now and then are followed at once', async () => {
  const { clock, forwarder, opened, change } = forwarding();
  for (let minutes = 0; minutes < 5; minutes++) {
    await change();
    expect(forwarder.status.state).toBe('forwarding');
    clock.advance(60_000);
  }
  expect(opened.at(-1)).toEqual([FORMATS[1]]);
  await forwarder.close();
});

test('formats that change without end are followed ever later, and the owner is told', async () => {
  const { clock, forwarder, opened, change } = forwarding();
  for (let times = 0; times < 50; times++) await change();
  expect(opened.length).toBeLessThan(5);
  expect(forwarder.status).toMatchObject({ state: 'waiting', error: expect.stringContaining('change again and again'), retryAt: clock.now() + 1_000 });
  const before = opened.length;
  for (let seconds = 0; seconds < 60; seconds++) {
    clock.advance(1_000);
    await change();
  }
  expect(opened.length - before).toBeLessThan(8);
  clock.advance(60_000);
  await change();
  await forwarder.close();
  expect(forwarder.status.state).toBe('idle');
});
