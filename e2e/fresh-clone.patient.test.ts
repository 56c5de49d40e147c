/** The README's two commands on a machine that has git, Node and npm: an empty home folder, a clone, `npm start`, and the job itself. */
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { Child, run } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { ROOT, TemporaryFolder } from './harness/folder.ts';
import { hearSound, playFor, readClock } from './harness/page-clock.ts';
import { publishWithFfmpeg } from './harness/publisher.ts';
import { parseReadyLine } from './harness/server.ts';
import { WatchPage } from './harness/watch-page.ts';

/** Everything is fetched, the pages are built. */
const FIRST_START_TIMEOUT_MS = 240_000;

/** Where distributions put programs: whatever else the tests were started with is not to help. */
const BARE_PATH = '/usr/local/bin:/usr/bin:/bin';

const ANY_PORT = { PORT: '0', HTTPS_PORT: '0', RTMP_PORT: '0', RTMPS_PORT: '0', WEBRTC_PORT: '0', TURN_PORT: '0', HOST: '127.0.0.1' };

describe.skipIf(browserTestsAreOff)('a fresh clone', () => {
  let browser: Browser;

  beforeAll(async () => {
    await ensureTool('ffmpeg');
    browser = await openBrowser({ autoplay: 'allowed' });
  });
  afterAll(() => browser?.close());

  test('needs `npm start` alone to be published to with ffmpeg’s defaults and watched with sound, and starts again', { timeout: 420_000 }, async () => {
    using folder = new TemporaryFolder();
    const clone = join(folder.path, 'clone');
    const cloned = await run('git', ['-c', 'safe.directory=*', 'clone', '--quiet', ROOT, clone]);
    expect(cloned.code, cloned.stderr).toBe(0);
    const start = () => new Child('npm', ['start'], { cwd: clone, env: { PATH: BARE_PATH, HOME: join(folder.path, 'home'), ...ANY_PORT }, group: true });

    {
      await using server = start();
      const addresses = parseReadyLine(await server.line((line) => line.startsWith('ready '), FIRST_START_TIMEOUT_MS));
      const http = addresses.get('http') ?? '';
      const { stream, streamKey, ingest } = await (await Owner.guest(http)).create({ title: 'From a fresh clone' });
      await using encoder = publishWithFfmpeg(`${ingest.rtmp?.url}/${streamKey}`);
      const watch = await WatchPage.typeCode(await newVisitor(browser), http, stream.code);
      await watch.untilState('playing', 60_000);
      await hearSound(watch.page);
      const first = await readClock(watch.page);
      await playFor(watch.page, 3, 30_000);
      expect((await readClock(watch.page)).paintedMs).toBeGreaterThan(first.paintedMs);
      expect(encoder.running).toBe(true);
    }

    await using again = start();
    expect(await again.line((line) => line.startsWith('ready '), 60_000)).toContain('http=');
  });
});
