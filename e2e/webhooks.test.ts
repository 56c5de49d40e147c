/** Webhooks from the page to the program that is told: added, tried out, told of a broadcast, and told of its end after the server was killed. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserTestsAreOff, newVisitor, openBrowser, PHONE } from './harness/chromium.ts';
import { lookAtBoth } from './harness/look.ts';
import { DataFolder, type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

const env = { ALLOW_PRIVATE_ADDRESSES: 'true' };
const folder = new DataFolder();
let server: RunningServer;

beforeAll(async () => {
  server = await startServer({ env, dataDir: folder.data });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe.skipIf(browserTestsAreOff)('webhooks', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser({ autoplay: 'allowed' });
  });
  afterAll(() => browser.close());

  test('are added and tried out', async () => {
    await using program = await Program.start();
    await using context = await newVisitor(browser, PHONE);
    const page = await context.newPage();
    await page.goto(`${server.http}/settings`);
    await page.getByText('No webhooks yet.').waitFor();
    await lookAtBoth(expect, page, 'settings-empty');

    await page.getByRole('button', { name: 'Add a webhook' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Address').fill('example');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.getByText('Give an address like https://example.org/hook.').waitFor();
    await lookAtBoth(expect, page, 'settings-adding');
    await form.getByLabel('Address').fill(program.url);
    await form.getByLabel('What it is for').fill('My lights');
    await form.getByRole('button', { name: 'Add', exact: true }).click();

    await page.getByText('The secret, this once').waitFor();
    await lookAtBoth(expect, page, 'settings-secret');
    const secret = await page.getByText(/^whsec_/).textContent();
    await page.getByRole('button', { name: 'I have kept it' }).click();
    expect(await page.content()).not.toContain('whsec_');

    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('Delivered').waitFor();
    const [received] = program.received;
    expect(received?.body).toContain('"type":"webhook.test"');
    expect(received?.signature).toBe(signatureOf(secret ?? '', received));

    program.status = 500;
    await page.getByText('Delivered').click();
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByText('It answered 500. Only 2xx counts as taken.').waitFor();
    await lookAtBoth(expect, page, 'settings-failing');

    await page.getByRole('button', { name: /^Settings: My lights/ }).click();
    await page.getByRole('menuitem', { name: 'Switch off' }).click();
    await page.getByText('Off', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Send a test' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: /^Settings: My lights/ }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await lookAtBoth(expect, page, 'settings-deleting');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No webhooks yet.').waitFor();
    await page.route('**/api/v1/webhooks*', (route) => route.abort());
    await page.reload();
    await page.getByText('Your webhooks cannot be read right now.').waitFor({ timeout: 30_000 });
    await lookAtBoth(expect, page, 'settings-error');
  });
});

test('what a program was not told before kill -9 it is told after the restart', async () => {
  await using program = await Program.start();
  program.status = 503;
  // A try of this test may have killed it.
  if (!server.child.running) server = await startServer({ env, dataDir: folder.data });
  const post = async (path: string, token: string | undefined, body: object) => {
    const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${server.http}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return response.json();
  };
  const { token } = await post('/auth/guest', undefined, {});
  const { webhook } = await post('/webhooks', token, { url: program.url, events: ['broadcast.started'] });
  await post(`/webhooks/${webhook.id}/test`, token, {});
  await until(() => program.received.length > 0, { what: 'the first try', timeoutMs: 10_000 });
  await server.child.stop('SIGKILL');
  program.status = 204;
  const before = program.received.length;
  server = await startServer({ env, dataDir: folder.data });
  await until(() => program.received.length > before, { what: 'the next try', timeoutMs: 30_000 });
  expect(program.received.at(-1)?.id).toBe(program.received[0]?.id);
});

interface Received {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: string;
}

/** As a person would write it who has only the documentation. */
class Program implements AsyncDisposable {
  readonly received: Received[] = [];
  status = 204;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const header = (name: string) => String(request.headers[name]);
      this.received.push({ id: header('webhook-id'), timestamp: header('webhook-timestamp'), signature: header('webhook-signature'), body });
      response.writeHead(this.status).end();
    });
  }

  static async start(): Promise<Program> {
    const program = new Program();
    program.#server.listen(0, '127.0.0.1');
    await once(program.#server, 'listening');
    return program;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    return `http://127.0.0.1:${address.port}/events`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function signatureOf(secret: string, received: Received | undefined): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${received?.id}.${received?.timestamp}.${received?.body}`).digest('base64')}`;
}
