/** How soon the server is there once everything is installed and made, and smaller pictures once somebody plays. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

/** `ready` on the second start: the first makes the database. */
const READY_BUDGET_MS = 2_000;

/** From a player's first question to the first part of a smaller picture: a worker has to be started for it, and the next segment has to begin. */
const LADDER_BUDGET_MS = 2_000;

test('the second start is ready within 2 s', async () => {
  using folder = new TemporaryFolder();
  const dataDir = join(folder.path, 'data');
  await (await startServer({ dataDir }))[Symbol.asyncDispose]();
  await using again = await startServer({ dataDir });
  expect(again.startMs).toBeLessThan(READY_BUDGET_MS);
});

test('smaller pictures begin within 2 s after somebody begins to play', async () => {
  await using server = await startServer({ env: { LADDER: '270p@500k,180p@250k' } });
  const owner = await Owner.guest(server.http);
  const made = await owner.create({ title: 'Soon' });
  const encoder = publishWithFfmpeg(`${made.ingest.rtmp?.url}/${made.streamKey}`, { size: '640x360', video: LIGHT });
  try {
    // There is something to play, and nobody does.
    await until(async () => (await fetch(made.playback.poster)).ok, { what: 'a poster', timeoutMs: 30_000 });
    const began = performance.now();
    expect(await (await fetch(made.playback.hls)).text()).toContain('270p/index.m3u8');
    const tier = await (await fetch(new URL('270p/index.m3u8', made.playback.hls))).text();
    expect(performance.now() - began).toBeLessThan(LADDER_BUDGET_MS);
    expect(tier).toMatch(/#EXT-X-PART:DURATION=[\d.]+,URI="[^"]+",INDEPENDENT=YES\n/);
  } finally {
    await encoder.stop('SIGKILL');
  }
});
