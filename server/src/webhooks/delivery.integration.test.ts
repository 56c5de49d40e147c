/** What receivers get of broadcasts: each event once and signed, through outages, restarts and hostile answers. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { type Delivery, Webhook, WebhookWithSecret } from '@millrace/contract/entities/webhook';
import { WebhookEvent } from '@millrace/contract/events/webhook';
import { listDeliveries } from '@millrace/contract/rest/webhooks';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { becomeGuest, makeStream, read } from '../api/testing/people.ts';
import { createTestServer, type TestServer } from '../api/testing/test-server.ts';
import type { JobRunner } from '../jobs/runner.ts';
import type { Store } from '../store/open.ts';
import { openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts';
import { DISABLE_AFTER_MS, RETRY_DELAYS_MS } from './delivery-job.ts';
import { ATTEMPT_TIMEOUT_MS } from './sender.ts';
import { type Receiver, startReceiver } from './testing/receiver.ts';

const DAY_MS = 24 * 3600_000;

let temporary: TemporaryStore | undefined;
const runners: JobRunner[] = [];

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.close()));
  await theStore().db.deleteFrom('jobs').execute();
});

afterAll(async () => {
  await temporary?.[Symbol.asyncDispose]();
});

function theStore(): Store {
  if (!temporary) throw new Error('the store is not open');
  return temporary.store;
}

interface Hooked {
  readonly server: TestServer;
  readonly token: string;
  readonly userId: string;
  readonly streamId: string;
  readonly webhookId: string;
  readonly secret: string;
  deliveries(): Promise<Delivery[]>;
  webhook(): Promise<Webhook>;
}

/** A stream whose owner has a webhook at `url`. */
async function hooked(url: string, settings: { readonly start?: 'manual' } = {}): Promise<Hooked> {
  const server = createTestServer({ store: theStore() });
  const { token, user } = await becomeGuest(server);
  const { stream } = await makeStream(server, token, settings.start ? { start: settings.start } : {});
  const made = await server.request('/api/v1/webhooks', { method: 'POST', token, body: { url, events: ['broadcast.started', 'broadcast.ended'] } });
  const { webhook, secret } = await read(made, WebhookWithSecret);
  const path = `/api/v1/webhooks/${webhook.id}`;
  return {
    server,
    token,
    userId: user.id,
    streamId: stream.id,
    webhookId: webhook.id,
    secret,
    deliveries: async () => (await read(await server.request(`${path}/deliveries`, { token }), listDeliveries.success.body)).items,
    webhook: async () => read(await server.request(path, { token }), Webhook),
  };
}

function startJobs(server: TestServer): JobRunner {
  const runner = server.startJobs();
  runners.push(runner);
  return runner;
}

/** Moves the clock on at the pace of the database until it has come to that. */
async function advanceUntil({ server }: Hooked, reached: () => boolean | Promise<boolean>, stepMs = 200): Promise<void> {
  for (let steps = 0; !(await reached()); steps++) {
    if (steps > 20_000) throw new Error('it never came to that');
    await theStore().ping();
    server.clock.advance(stepMs);
  }
}

/** Moves the clock to the next attempt of the newest delivery and waits for its end. */
async function nextAttempt(hook: Hooked): Promise<void> {
  const [before] = await hook.deliveries();
  hook.server.clock.advance(Math.max(0, Date.parse(before?.nextAttemptAt ?? '') - hook.server.clock.now()));
  await advanceUntil(hook, async () => (await hook.deliveries())[0]?.attempts !== before?.attempts, 0);
}

const stateOf = async (hook: Hooked) => (await hook.deliveries())[0]?.state;

function sendTest(hook: Hooked): Promise<Response> {
  return hook.server.request(`/api/v1/webhooks/${hook.webhookId}/test`, { method: 'POST', token: hook.token });
}

describe('a broadcast', () => {
  test('is told when it starts and when it ends, signed so that the scheme’s own library verifies it', async () => {
    await using receiver = await startReceiver();
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    hook.server.publish(hook.streamId);
    await advanceUntil(hook, async () => (await stateOf(hook)) === 'delivered', 0);
    hook.server.clock.advance(60_000);
    hook.server.hub.stop(hook.streamId, 'stopped');
    await receiver.came(2);
    const events = receiver.received.map(({ headers, body }) => WebhookEvent.parse(verify(hook.secret, body, headers)));
    expect(events).toMatchObject([
      { type: 'broadcast.started', data: { stream: { id: hook.streamId, title: 'Harbour' }, broadcast: { endedAt: null, endReason: null } } },
      { type: 'broadcast.ended', data: { stream: { id: hook.streamId }, broadcast: { endReason: 'stopped' } } },
    ]);
    const [started, ended] = receiver.received;
    expect(started?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Millrace-Webhooks/1' });
    expect(() => verify(hook.secret, `${ended?.body} `, ended?.headers ?? {})).toThrow();
    expect(() => verify('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', ended?.body ?? '', ended?.headers ?? {})).toThrow();
    await advanceUntil(hook, async () => (await hook.deliveries()).every(({ state }) => state === 'delivered'), 0);
  });

  test('is told once, though its publisher drops and returns and the server restarts', async () => {
    await using receiver = await startReceiver();
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    hook.server.publish(hook.streamId).close('lost');
    hook.server.publish(hook.streamId).close('lost');
    await hook.server.broadcastLog.flush();
    const restarted = createTestServer({ store: theStore() });
    for (const broadcast of await restarted.broadcastLog.restore()) if (broadcast.streamId === hook.streamId) restarted.hub.restore(broadcast);
    restarted.publish(hook.streamId);
    restarted.hub.stop(hook.streamId, 'stopped');
    await restarted.broadcastLog.flush();
    startJobs(restarted);
    await receiver.came(2);
    await advanceUntil(hook, async () => (await hook.deliveries()).every(({ state }) => state === 'delivered'), 0);
    expect(receiver.received.map(({ body }) => JSON.parse(body).type).sort()).toEqual(['broadcast.ended', 'broadcast.started']);
  });

  test('that starts and ends before either is stored is told of both', async () => {
    const hook = await hooked('http://127.0.0.1:9/');
    hook.server.publish(hook.streamId);
    hook.server.hub.stop(hook.streamId, 'stopped');
    await hook.server.broadcastLog.flush();
    expect((await hook.deliveries()).map(({ type }) => type).sort()).toEqual(['broadcast.ended', 'broadcast.started']);
  });

  test('that nobody but its owner saw is not told', async () => {
    const hook = await hooked('http://127.0.0.1:9/', { start: 'manual' });
    hook.server.publish(hook.streamId, 'manual');
    hook.server.hub.stop(hook.streamId, 'stopped');
    await hook.server.broadcastLog.flush();
    expect(await hook.deliveries()).toEqual([]);
  });

  test('of a deleted stream is told as ended', async () => {
    const hook = await hooked('http://127.0.0.1:9/');
    hook.server.publish(hook.streamId);
    expect((await hook.server.request(`/api/v1/streams/${hook.streamId}`, { method: 'DELETE', token: hook.token })).status).toBe(204);
    const ended = (await hook.deliveries()).find(({ type }) => type === 'broadcast.ended');
    expect(JSON.parse(ended?.body ?? '{}')).toMatchObject({ data: { broadcast: { endReason: 'stream_deleted' } } });
  });

  test('that had begun before a webhook was made, or switched on again, is told as ended alone', async () => {
    const hook = await hooked('http://127.0.0.1:9/');
    const patch = (body: object) => hook.server.request(`/api/v1/webhooks/${hook.webhookId}`, { method: 'PATCH', token: hook.token, body });
    await patch({ enabled: false });
    hook.server.publish(hook.streamId).close('lost');
    await hook.server.broadcastLog.flush();
    hook.server.clock.advance(1_000);
    await patch({ enabled: true });
    hook.server.publish(hook.streamId);
    await hook.server.broadcastLog.flush();
    expect(await hook.deliveries()).toEqual([]);
    hook.server.hub.stop(hook.streamId, 'stopped');
    await hook.server.broadcastLog.flush();
    expect((await hook.deliveries()).map(({ type }) => type)).toEqual(['broadcast.ended']);
  });

  test('of somebody else’s is not told, nor what a webhook is not for', async () => {
    const hook = await hooked('http://127.0.0.1:9/');
    const other = await makeStream(hook.server, (await becomeGuest(hook.server)).token);
    hook.server.publish(other.stream.id);
    await hook.server.broadcastLog.flush();
    const recording = { id: 'a'.repeat(21), streamId: hook.streamId, broadcastId: 'b'.repeat(21), title: 'x', startedAt: '2026-01-01T00:00:00Z', durationSeconds: 1, sizeBytes: 1 };
    const ready = { type: 'recording.ready', timestamp: '2026-01-01T00:00:00Z', data: { recording } } as const;
    const occurrence = { ownerId: hook.userId, eventId: `recording.ready:${recording.id}`, event: ready };
    const tell = () =>
      theStore()
        .db.transaction()
        .execute((transaction) => hook.server.events.emit(transaction, occurrence));
    await tell();
    expect(await hook.deliveries()).toEqual([]);
    await hook.server.request(`/api/v1/webhooks/${hook.webhookId}`, { method: 'PATCH', token: hook.token, body: { events: ['recording.ready'] } });
    for (let again = 0; again < 3; again++) await tell();
    expect(await hook.deliveries()).toHaveLength(1);
  });
});

describe('a receiver that does not take it', () => {
  test('gets it again, later each time, until it does', async () => {
    await using receiver = await startReceiver((response, turn) => response.writeHead(turn < 3 ? 500 : 200).end(turn < 3 ? 'not\u0000 yet' : 'thanks'));
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    await sendTest(hook);
    const at: number[] = [];
    for (let turn = 1; turn <= 4; turn++) {
      await nextAttempt(hook);
      at.push(hook.server.clock.now());
      if (turn === 2) expect((await hook.deliveries())[0]).toMatchObject({ state: 'waiting', lastAttempt: { status: 500, response: 'not  yet' } });
    }
    for (const [i, time] of at.slice(1).entries()) expect(time - (at[i] ?? 0)).toBeGreaterThanOrEqual(RETRY_DELAYS_MS[i] ?? 0);
    expect((await hook.deliveries())[0]).toMatchObject({ attempts: 4, nextAttemptAt: null, lastAttempt: { status: 200, error: null, response: 'thanks' } });
    // One event, however often it is sent; the time is that of the attempt.
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(4);
    expect((await hook.webhook()).failingSince).toBeNull();
  });

  test('is given up after a day, and gets it when its owner sends it again', async () => {
    let up = false;
    await using receiver = await startReceiver((response) => response.writeHead(up ? 204 : 503).end());
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    await sendTest(hook);
    const begun = hook.server.clock.now();
    while ((await stateOf(hook)) === 'waiting') await nextAttempt(hook);
    expect(await stateOf(hook)).toBe('failed');
    expect(receiver.received).toHaveLength(RETRY_DELAYS_MS.length + 1);
    expect((hook.server.clock.now() - begun) / DAY_MS).toBeGreaterThan(0.9);
    expect(await hook.webhook()).toMatchObject({ disabledBecause: null, failingSince: expect.any(String) });
    up = true;
    const [delivery] = await hook.deliveries();
    const again = await hook.server.request(`/api/v1/webhooks/${hook.webhookId}/deliveries/${delivery?.id}/redeliver`, { method: 'POST', token: hook.token });
    expect(again.status).toBe(200);
    await advanceUntil(hook, async () => (await stateOf(hook)) === 'delivered');
    expect(receiver.received.at(-1)?.body).toBe(delivery?.body);
  });

  test('is switched off after days, with what waits, and told no more until its owner switches it on', async () => {
    await using receiver = await startReceiver((response) => response.writeHead(500).end());
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    const failingSince = new Date(hook.server.clock.now() - DISABLE_AFTER_MS);
    await theStore().db.updateTable('webhooks').set({ failing_since: failingSince }).where('id', '=', hook.webhookId).execute();
    await sendTest(hook);
    while ((await stateOf(hook)) === 'waiting') await nextAttempt(hook);
    expect(await hook.webhook()).toMatchObject({ disabledBecause: 'failing', failingSince: failingSince.toISOString() });
    hook.server.publish(hook.streamId);
    await hook.server.broadcastLog.flush();
    expect(await hook.deliveries()).toHaveLength(1);
    const on = await hook.server.request(`/api/v1/webhooks/${hook.webhookId}`, { method: 'PATCH', token: hook.token, body: { enabled: true } });
    expect(await read(on, Webhook)).toMatchObject({ disabledBecause: null, failingSince: null });
  });

  test('that says 410 is switched off at once', async () => {
    await using receiver = await startReceiver((response) => response.writeHead(410).end());
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    await sendTest(hook);
    await advanceUntil(hook, async () => (await stateOf(hook)) === 'failed');
    expect(await hook.webhook()).toMatchObject({ disabledBecause: 'gone' });
  });

  test.each<[string, (response: ServerResponse, elsewhere: Receiver) => void, number | null, RegExp]>([
    ['a redirect', (response, { url }) => response.writeHead(307, { location: url }).end(), 307, /redirect/],
    ['nothing at all', () => {}, null, /within 10 s/],
    ['a body that never ends', (response) => response.writeHead(200).write('x'), null, /within 10 s/],
    ['a closed connection', (response) => response.destroy(), null, /closed before/],
    ['headers without end', (response) => response.writeHead(200, { a: 'x'.repeat(40_000) }).end(), null, /not HTTP/],
  ])('because it answers %s is tried again', async (_, answer, status, reason) => {
    await using elsewhere = await startReceiver();
    await using receiver = await startReceiver((response) => answer(response, elsewhere));
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    await sendTest(hook);
    await receiver.came(1);
    await advanceUntil(hook, async () => (await hook.deliveries())[0]?.attempts === 1, ATTEMPT_TIMEOUT_MS / 100);
    const [delivery] = await hook.deliveries();
    expect(delivery).toMatchObject({ state: 'waiting', lastAttempt: { status, error: expect.stringMatching(reason) } });
    expect(elsewhere.received).toEqual([]);
  });

  test('though it sends megabytes costs no more than the beginning', async () => {
    let sent = 0;
    await using receiver = await startReceiver((response) => {
      response.writeHead(200);
      const flood = () => {
        if (response.destroyed) return;
        sent += 65_536;
        response.write('y'.repeat(65_536), () => setImmediate(flood));
      };
      flood();
    });
    const hook = await hooked(receiver.url);
    startJobs(hook.server);
    await sendTest(hook);
    await advanceUntil(hook, async () => (await stateOf(hook)) === 'delivered', 0);
    expect((await hook.deliveries())[0]?.lastAttempt?.response).toBe('y'.repeat(500));
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('and speaks no HTTP is named so', async () => {
    const server = createTcpServer((socket) => socket.end('220 mail.example ESMTP\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    const hook = await hooked(`http://127.0.0.1:${address.port}/`);
    startJobs(hook.server);
    await sendTest(hook);
    await advanceUntil(hook, async () => (await hook.deliveries())[0]?.attempts === 1);
    server.close();
    expect((await hook.deliveries())[0]?.lastAttempt?.error).toBe('What was answered is not HTTP.');
  });
});

describe('what protects others', () => {
  test('an address that has become private is not called', async () => {
    await using receiver = await startReceiver();
    const hook = await hooked(receiver.url);
    await sendTest(hook);
    const careful = createTestServer({ store: theStore(), allowPrivateAddresses: false });
    startJobs(careful);
    await advanceUntil(hook, async () => (await hook.deliveries())[0]?.attempts === 1, 0);
    expect((await hook.deliveries())[0]?.lastAttempt?.error).toContain('is not on the open internet');
    expect(receiver.received).toEqual([]);
  });

  test('one owner’s receivers that hang hold up nobody else', async () => {
    await using hanging = await startReceiver(() => {});
    await using receiver = await startReceiver();
    const slow = await hooked(hanging.url);
    const quick = await hooked(receiver.url);
    for (let minutes = 0; minutes < 2; minutes++) {
      for (let i = 0; i < 28; i++) await sendTest(slow);
      slow.server.clock.advance(60_000);
    }
    quick.server.clock.advance(120_000);
    await sendTest(quick);
    startJobs(quick.server);
    await receiver.came(1);
    expect(hanging.received.length).toBeLessThanOrEqual(4);
  });

  test('a webhook that was deleted gets nothing more, one that was switched off neither', async () => {
    await using receiver = await startReceiver();
    const deleted = await hooked(receiver.url);
    const off = await hooked(receiver.url);
    await sendTest(deleted);
    await sendTest(off);
    await deleted.server.request(`/api/v1/webhooks/${deleted.webhookId}`, { method: 'DELETE', token: deleted.token });
    await off.server.request(`/api/v1/webhooks/${off.webhookId}`, { method: 'PATCH', token: off.token, body: { enabled: false } });
    startJobs(off.server);
    await advanceUntil(off, async () => (await stateOf(off)) === 'failed');
    await advanceUntil(off, async () => (await theStore().db.selectFrom('jobs').select('id').where('kind', '=', 'webhook-delivery').execute()).length === 0);
    expect(receiver.received).toEqual([]);
  });

  test('a secret that cannot be opened is said so, and nothing is sent unsigned', async () => {
    await using receiver = await startReceiver();
    const hook = await hooked(receiver.url);
    await sendTest(hook);
    await theStore().db.updateTable('webhooks').set({ sealed_secret: 'sealed1.AAAA' }).where('id', '=', hook.webhookId).execute();
    startJobs(hook.server);
    await advanceUntil(hook, async () => (await stateOf(hook)) === 'failed');
    expect(receiver.received).toEqual([]);
  });
});

test('what was sent is forgotten after thirty days, what waits is not', async () => {
  const hook = await hooked('http://127.0.0.1:9/');
  await sendTest(hook);
  await sendTest(hook);
  const [waiting] = await hook.deliveries();
  await theStore()
    .db.updateTable('webhook_deliveries')
    .set({ state: 'failed' })
    .where('webhook_id', '=', hook.webhookId)
    .where('id', '<>', waiting?.id ?? '')
    .execute();
  hook.server.clock.advance(31 * DAY_MS);
  await theStore().db.deleteFrom('jobs').execute();
  await hook.server.scheduleHooks();
  startJobs(hook.server);
  await advanceUntil(hook, async () => (await hook.deliveries()).length === 1, 0);
  expect((await hook.deliveries())[0]?.id).toBe(waiting?.id);
});

/** By the library of those who wrote the scheme. */
function verify(secret: string, body: string, headers: Readonly<Record<string, string>>): unknown {
  return new Verifier(secret).verify(body, { ...headers });
}
