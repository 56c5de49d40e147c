/** An encoder that knows WHIP, set by what the creator's page says and copies. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { publishWithAiortc } from './harness/aiortc.ts';
import { browserTestsAreOff, newVisitor, openBrowser } from './harness/chromium.ts';
import { startServer } from './harness/server.ts';
import { StudioPage } from './harness/studio-page.ts';

describe.skipIf(browserTestsAreOff)('the creator’s page', () => {
  let browser: Browser;

  beforeAll(async () => {
    await ensureTool('aiortc');
    browser = await openBrowser({ autoplay: 'allowed' });
  });
  afterAll(() => browser?.close());

  test('gives a WHIP encoder its address and token, the token and the command hidden until asked for', { timeout: 120_000 }, async () => {
    await using server = await startServer();
    const studio = await StudioPage.create(await newVisitor(browser), server.http, 'By WHIP');
    const url = await studio.field('WHIP address');
    expect(url).toBe(`${server.http}/whip/${studio.streamId}`);
    expect(await studio.copied('the WHIP address')).toBe(url);
    expect(await studio.field('Bearer Token')).toMatch(/^•+$/);
    const token = await studio.copied('the bearer token');
    expect(token).toBe(await studio.copied('the stream key'));
    expect(await studio.says()).not.toContain(token);
    expect(await studio.copied('the GStreamer command')).toContain(`signaller::whip-endpoint="${url}" signaller::auth-token="${token}"`);
    await studio.page.getByRole('button', { name: 'Show the token' }).click();
    expect(await studio.field('Bearer Token')).toBe(token);
    await studio.page.getByText('OBS Studio, by WHIP', { exact: true }).waitFor();

    await using _encoder = publishWithAiortc({ url, token, codec: 'H264' });
    await studio.untilSays(/Preview of your stream|Live/, 20_000);
    await studio.untilSays(/640 × 480/, 20_000);
    // Beside the running broadcast the addresses stay at hand.
    await studio.page.getByText('Server and key', { exact: true }).click();
    expect(await studio.field('WHIP address')).toBe(url);
    expect(studio.complaints.list).toEqual([]);
  });
});
