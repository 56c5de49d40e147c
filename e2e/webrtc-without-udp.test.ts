/** A network that lets no UDP through: our own pages, with no setting beyond the defaults, publish and watch in real time through the relay over TCP. */
import type { BrowserContext, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { DevicePage } from './harness/device-page.ts';
import { hearSound } from './harness/page-clock.ts';
import { startServer } from './harness/server.ts';
import { until } from './harness/until.ts';
import { WatchPage } from './harness/watch-page.ts';

test.skipIf(browserTestsAreOff)('without UDP a person goes live, and another watches in real time', { timeout: 120_000 }, async () => {
  await using scope = new AsyncDisposableStack();
  const server = scope.use(await startServer());
  const browser = await openBrowser({ autoplay: 'allowed', fakeCamera: 'asks', noUdp: true });
  scope.defer(() => browser.close());

  const device = await DevicePage.open(await rememberPaths(await newVisitor(browser, PHONE, { mayUseCamera: true })), server.http);
  await device.untilPicture(15_000);
  await device.page.getByRole('button', { name: 'Go live' }).click();
  await device.untilState('live', 20_000);
  expect(await pathOf(device.page)).toEqual({ candidateType: 'relay', relayProtocol: 'tcp' });

  const watch = await WatchPage.open(await rememberPaths(await newVisitor(browser, PHONE)), await device.link());
  await watch.untilProtocol('whep', 20_000);
  await watch.untilState('playing', 15_000);
  await watch.untilFrames(60, 20_000);
  await hearSound(watch.page);
  expect(await pathOf(watch.page)).toEqual({ candidateType: 'relay', relayProtocol: 'tcp' });
  expect(await watch.protocol()).toBe('whep');
  expect(device.complaints.list).toEqual([]);
  expect(watch.complaints.list).toEqual([]);

  const metrics = await (await fetch(`${server.http}/metrics`)).text();
  for (const direction of ['to_clients', 'to_peers'])
    expect(Number(new RegExp(`^millrace_turn_relayed_bytes_total\\{direction="${direction}"\\} (\\d+)$`, 'm').exec(metrics)?.[1])).toBeGreaterThan(50_000);
});

/** Lets the tests ask the connections that the page makes. */
async function rememberPaths(context: BrowserContext): Promise<BrowserContext> {
  await context.addInitScript(() => {
    const made: RTCPeerConnection[] = [];
    Object.assign(window, {
      madeConnections: made,
      RTCPeerConnection: class extends RTCPeerConnection {
        constructor(...args: ConstructorParameters<typeof RTCPeerConnection>) {
          super(...args);
          made.push(this);
        }
      },
    });
  });
  return context;
}

interface Path {
  readonly candidateType: string;
  readonly relayProtocol: string;
}

/** This end of the path that is in use. */
function pathOf(page: Page): Promise<Path> {
  const look = () =>
    page.evaluate(async (): Promise<Path | undefined> => {
      const made: unknown = Reflect.get(window, 'madeConnections');
      const all: unknown[] = Array.isArray(made) ? made : [];
      for (const connection of all) {
        if (!(connection instanceof RTCPeerConnection) || connection.connectionState !== 'connected') continue;
        const report = await connection.getStats();
        // The type of the report lacks its iterator in this version of the DOM's types.
        const entries = [...Reflect.get(report, 'values').call(report)];
        const transport = entries.find(({ type }) => type === 'transport');
        const pair = entries.find(({ id }) => id === transport?.selectedCandidatePairId);
        const local = entries.find(({ id }) => id === pair?.localCandidateId);
        if (local) return { candidateType: String(local.candidateType), relayProtocol: String(local.relayProtocol) };
      }
      return undefined;
    });
  return until(look, { what: 'a path to the server', timeoutMs: 10_000 });
}
