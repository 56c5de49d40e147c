/** How webhooks are made, changed and looked at over HTTP. Run by rest.integration.test.ts; sending is tested in webhooks/. */
import { Delivery, Webhook, WebhookWithSecret } from '@millrace/contract/entities/webhook';
import { listDeliveries, listWebhooks } from '@millrace/contract/rest/webhooks';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { becomeGuest, problemOf, read } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';
import type { TestServer } from './testing/test-server.ts';

const UNKNOWN_ID = 'abcdefghijklmnopqrstu';
const URL_ON_THE_INTERNET = 'https://203.0.113.9/hook';

async function makeWebhook(server: TestServer, token: string, settings: object = {}): Promise<WebhookWithSecret> {
  const response = await server.request('/api/v1/webhooks', { method: 'POST', token, body: { url: URL_ON_THE_INTERNET, events: ['broadcast.started'], ...settings } });
  return WebhookWithSecret.parse(await response.json());
}

export function webhooksSuite(suite: Suite): void {
  test('a new webhook is on, and its secret is shown once', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const response = await server.request('/api/v1/webhooks', {
      method: 'POST',
      token,
      body: { url: ' HTTPS://203.0.113.9:443/a b?c=d ', events: ['broadcast.ended', 'recording.ready'], description: 'My lights' },
    });
    expect(response.status).toBe(201);
    const { webhook, secret } = await read(response, WebhookWithSecret);
    expect(webhook).toMatchObject({ url: 'https://203.0.113.9/a%20b?c=d', events: ['broadcast.ended', 'recording.ready'], description: 'My lights', disabledBecause: null });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const again = await server.request(`/api/v1/webhooks/${webhook.id}`, { token });
    expect(await again.text()).not.toContain('whsec_');
  });

  test('it is listed, changed, switched off and on, given a new secret, and deleted', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const made: string[] = [];
    for (let i = 0; i < 3; i++) {
      made.unshift((await makeWebhook(server, token, { description: `${i}` })).webhook.id);
      server.clock.advance(1);
    }
    const first = await read(await server.request('/api/v1/webhooks?limit=2', { token }), listWebhooks.success.body);
    const second = await read(await server.request(`/api/v1/webhooks?limit=2&cursor=${first.nextCursor}`, { token }), listWebhooks.success.body);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made);
    expect(second.nextCursor).toBeNull();

    const path = `/api/v1/webhooks/${made[0]}`;
    const patch = async (body: object) => read(await server.request(path, { method: 'PATCH', token, body }), Webhook);
    expect(await patch({ enabled: false })).toMatchObject({ disabledBecause: 'owner' });
    expect(await patch({ events: ['recording.failed'], description: '' })).toMatchObject({ disabledBecause: 'owner', events: ['recording.failed'], description: '' });
    for (const call of ['test', `deliveries/${UNKNOWN_ID}/redeliver`]) {
      expect((await problemOf(await server.request(`${path}/${call}`, { method: 'POST', token }))).code).toBe('webhook_disabled');
    }
    expect(await patch({ enabled: true, url: 'http://198.51.100.7/' })).toMatchObject({ disabledBecause: null, url: 'http://198.51.100.7/' });
    const { secret } = await read(await server.request(`${path}/secret`, { method: 'POST', token }), WebhookWithSecret);
    expect(secret).toMatch(/^whsec_/);

    expect((await server.request(path, { method: 'DELETE', token })).status).toBe(204);
    expect((await problemOf(await server.request(path, { token }))).code).toBe('webhook_not_found');
  });

  test('somebody else’s answers as if it did not exist', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { webhook } = await makeWebhook(server, token);
    const delivery = await read(await server.request(`/api/v1/webhooks/${webhook.id}/test`, { method: 'POST', token }), Delivery);
    const other = await becomeGuest(server);
    const own = await makeWebhook(server, other.token);
    const path = `/api/v1/webhooks/${webhook.id}`;
    for (const [method, address] of [
      ['GET', path],
      ['PATCH', path],
      ['DELETE', path],
      ['POST', `${path}/secret`],
      ['POST', `${path}/test`],
      ['GET', `${path}/deliveries`],
      ['POST', `${path}/deliveries/${delivery.id}/redeliver`],
    ] as const) {
      const response = await server.request(address, { method, token: other.token });
      expect((await problemOf(response)).code).toBe('webhook_not_found');
    }
    const mixed = await server.request(`/api/v1/webhooks/${own.webhook.id}/deliveries/${delivery.id}/redeliver`, { method: 'POST', token: other.token });
    expect((await problemOf(mixed)).code).toBe('delivery_not_found');
  });

  test('addresses of this machine and of private networks are refused, when it is made and when it is changed', async () => {
    const server = suite.server({ allowPrivateAddresses: false });
    const { token } = await becomeGuest(server);
    const refused = [
      'http://127.0.0.1/',
      'http://2130706433/',
      'http://0x7f.1/',
      'http://[::1]/',
      'http://[::ffff:10.0.0.1]/',
      'https://169.254.169.254/latest',
      'http://localhost:8080/',
    ];
    for (const url of [...refused, URL_ON_THE_INTERNET]) {
      const response = await server.request('/api/v1/webhooks', { method: 'POST', token, body: { url, events: ['broadcast.started'] } });
      expect((await problemOf(response)).code).toBe('address_not_allowed');
    }
    const { webhook } = await makeWebhook(server, token, { url: 'https://9.9.9.9/' });
    const changed = await server.request(`/api/v1/webhooks/${webhook.id}`, { method: 'PATCH', token, body: { url: 'http://10.0.0.1/' } });
    expect((await problemOf(changed)).code).toBe('address_not_allowed');
  });

  test('what cannot be an address or a list of events is refused and named', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const post = async (body: object) => (await problemOf(await server.request('/api/v1/webhooks', { method: 'POST', token, body }))).fields?.map(({ path }) => path);
    for (const url of [
      '',
      'example.org',
      'ftp://example.org/',
      'javascript:alert(1)',
      'https://me:pw@example.org/',
      'https://example.org/#a',
      `https://example.org/${'x'.repeat(2000)}`,
      7,
    ]) {
      expect(await post({ url, events: ['broadcast.started'] })).toEqual(['url']);
    }
    for (const events of [[], ['broadcast.started', 'broadcast.started'], ['webhook.test'], ['nothing'], 'broadcast.started']) {
      expect((await post({ url: URL_ON_THE_INTERNET, events }))?.every((path) => path.startsWith('events'))).toBe(true);
    }
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.webUrl(), fc.string({ unit: 'binary' }), fc.json()), async (text) => {
        const response = await server.request('/api/v1/webhooks', { method: 'POST', token, body: { url: text, events: [] } });
        expect(response.status).toBe(400);
      }),
      { numRuns: 100 },
    );
  });

  test('ten are the most, and who tries without end waits', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    for (let i = 0; i < 10; i++) await makeWebhook(server, token);
    const post = () => server.request('/api/v1/webhooks', { method: 'POST', token, body: { url: URL_ON_THE_INTERNET, events: ['broadcast.started'] } });
    expect((await problemOf(await post())).code).toBe('webhook_limit_reached');
    for (let i = 0; i < 19; i++) await post();
    expect((await problemOf(await post())).code).toBe('too_many_requests');
    server.clock.advance(60_000);
    expect((await problemOf(await post())).code).toBe('webhook_limit_reached');
  });

  test('without an identity there is nothing, and guests who may not publish have none', async () => {
    expect((await suite.server().request('/api/v1/webhooks')).status).toBe(401);
    const server = suite.server({ guests: 'watch' });
    const { token } = await becomeGuest(server);
    const refused = await server.request('/api/v1/webhooks', { method: 'POST', token, body: { url: URL_ON_THE_INTERNET, events: ['broadcast.started'] } });
    expect((await problemOf(refused)).code).toBe('guests_not_allowed');
  });

  test('a test event is in the log, waits, and is sent again on demand', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { webhook } = await makeWebhook(server, token);
    const path = `/api/v1/webhooks/${webhook.id}`;
    const response = await server.request(`${path}/test`, { method: 'POST', token });
    expect(response.status).toBe(201);
    const delivery = await read(response, Delivery);
    expect(delivery).toMatchObject({ type: 'webhook.test', state: 'waiting', attempts: 0, lastAttempt: null });
    expect(JSON.parse(delivery.body)).toMatchObject({ type: 'webhook.test', data: { message: 'This webhook works.' } });
    expect(await read(await server.request(`${path}/deliveries`, { token }), listDeliveries.success.body)).toEqual({ items: [delivery], nextCursor: null });
    expect(await read(await server.request(`${path}/deliveries/${delivery.id}/redeliver`, { method: 'POST', token }), Delivery)).toMatchObject({
      id: delivery.id,
      state: 'waiting',
    });
    expect((await problemOf(await server.request(`${path}/deliveries/${UNKNOWN_ID}/redeliver`, { method: 'POST', token }))).code).toBe('delivery_not_found');
  });
}
