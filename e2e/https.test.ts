/** HTTPS as a person meets it: a browser that does not know the authority, one that installed it, and several players in one browser. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { run } from './harness/child.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { preferLatency, WatchPage } from './harness/watch-page.ts';

/** Each holds up to four requests at a time; a browser makes six connections to a host over HTTP/1.1. */
const PLAYERS = 7;

/** Each player's window. */
const SMALL = { width: 320, height: 400 };

/** What each plays of the broadcast, without falling behind. */
const PLAYED_SECONDS = 6;

let server: RunningServer;
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  for (const tool of ['ffmpeg', 'openssl'] as const) await ensureTool(tool);
  server = scope.use(await startServer());
});
afterAll(() => scope.disposeAsync());

test('the ready line names the HTTPS address, and a client that downloaded the authority trusts it over HTTP/2', async () => {
  using folder = new TemporaryFolder();
  const ca = await downloadAuthority(folder.path);
  const asked = await run('openssl', [
    's_client',
    '-connect',
    new URL(server.https).host,
    '-CAfile',
    ca,
    '-verify_return_error',
    '-verify_ip',
    '127.0.0.1',
    '-alpn',
    'h2',
    '-brief',
  ]);
  expect(asked.stderr).toMatch(/Verification: OK/);
  expect(await (await fetch(`${server.http}/api/v1/trust`)).json()).toMatchObject({ secureUrl: server.https });
});

test('RTMPS shows the same certificate', async () => {
  using folder = new TemporaryFolder();
  const ca = await downloadAuthority(folder.path);
  const { host } = new URL((server.addresses.get('rtmps') ?? '').replace(/^rtmps/, 'https'));
  const asked = await run('openssl', ['s_client', '-connect', host, '-CAfile', ca, '-verify_return_error', '-verify_ip', '127.0.0.1', '-brief']);
  expect(asked.stderr).toMatch(/Verification: OK/);
});

describe.skipIf(browserTestsAreOff)('in a browser', () => {
  test('that does not know the authority there is a warning', async () => {
    const browser = await openBrowser({ autoplay: 'allowed' });
    try {
      const page = await (await newVisitor(browser)).newPage();
      await expect(page.goto(server.https)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID');
    } finally {
      await browser.close();
    }
  });

  test('that installed it pages are secure, and seven players share one connection without starving', { timeout: 120_000 }, async () => {
    await ensureTool('certutil');
    using home = new TemporaryFolder();
    await install(await downloadAuthority(home.path), home.path);
    const owner = await Owner.guest(server.http);
    const { stream, streamKey } = await owner.create({ title: 'For the whole house' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT, size: '320x192', fps: '15' });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const browser = await openBrowser({ autoplay: 'allowed', home: home.path });
    try {
      const visitor = await preferLatency(await newVisitor(browser, SMALL), 'low');
      const players = await Promise.all(Array.from({ length: PLAYERS }, () => WatchPage.open(visitor, `${server.https}/w/${stream.code}`)));
      for (const player of players) await player.untilState('playing', 30_000);
      const begun = await Promise.all(players.map((player) => player.currentTime()));
      const startedAt = performance.now();
      await Promise.all(
        players.map((player, i) =>
          until(async () => (await player.currentTime()) - (begun[i] ?? 0) >= PLAYED_SECONDS, {
            what: `player ${i + 1} to play ${PLAYED_SECONDS} s`,
            timeoutMs: PLAYED_SECONDS * 2_000,
            everyMs: 500,
          }),
        ),
      );
      console.log(`${PLAYERS} players over one connection played ${PLAYED_SECONDS} s in ${Math.round(performance.now() - startedAt)} ms`);
      for (const { page, complaints } of players) {
        expect(await page.evaluate(() => isSecureContext)).toBe(true);
        const protocols = await page.evaluate(() =>
          performance.getEntriesByType('resource').flatMap((entry) => ('nextHopProtocol' in entry && entry.name.includes('/hls/') ? [entry.nextHopProtocol] : [])),
        );
        expect(protocols.length).toBeGreaterThan(5);
        expect(new Set(protocols)).toEqual(new Set(['h2']));
        expect(complaints.list).toEqual([]);
      }
      const metrics = await (await fetch(`${server.http}/metrics`)).text();
      expect(metrics).toMatch(/^millrace_http2_sessions 1$/m);
      expect(metrics).toMatch(/^millrace_sockets 7$/m);
    } finally {
      await browser.close();
    }
  });
});

/** As a person gets it, turned into PEM for tools. */
async function downloadAuthority(folder: string): Promise<string> {
  const [der, pem] = [join(folder, 'ca.crt'), join(folder, 'ca.pem')];
  writeFileSync(der, await (await fetch(`${server.http}/ca.crt`)).bytes());
  expect((await run('openssl', ['x509', '-inform', 'der', '-in', der, '-out', pem])).code).toBe(0);
  return pem;
}

/** Into the store where Chromium on Linux looks for what its user trusts. */
async function install(ca: string, home: string): Promise<void> {
  const store = join(home, '.pki', 'nssdb');
  mkdirSync(store, { recursive: true });
  const made = await run('certutil', ['-d', `sql:${store}`, '-N', '--empty-password']);
  const added = await run('certutil', ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'millrace', '-i', ca]);
  expect([made.code, added.code], added.stderr).toEqual([0, 0]);
}
