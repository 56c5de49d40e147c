/** The REST client against a real HTTP server. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { ERRORS } from '@millrace/contract/errors';
import { ROUTES } from '@millrace/contract/rest/routes';
import { afterEach, expect, it } from 'vitest';
import { ApiError, UnreachableError } from './api-error.ts';
import { Guest } from './guest.ts';
import { addressOf, MillraceClient } from './rest.ts';

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: (request: IncomingMessage, body: string) => Answer): Promise<string> {
  const made = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { status, body, headers } = answer(request, text);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

const problem = (code: keyof typeof ERRORS) => ({ type: code, title: ERRORS[code].title, status: ERRORS[code].status, code });
const USER = { id: 'user_0123456789abcdefg', kind: 'guest', name: 'Guest', createdAt: '2026-01-01T00:00:00.000Z' };

function memoryStorage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

it('writes parameters and query into the address, escaped, and leaves out what is undefined', () => {
  expect(addressOf(ROUTES.getCode, { params: { code: 'a/b' }, query: { token: undefined } })).toBe('/api/v1/codes/a%2Fb');
  expect(addressOf(ROUTES.listLive, { query: { limit: 5 } })).toBe('/api/v1/live?limit=5');
});

it('sends the bearer where a route wants an identity, and nowhere else', async () => {
  const seen: (string | undefined)[] = [];
  const baseUrl = await serve((request) => {
    seen.push(request.headers.authorization);
    return request.url === '/api/v1/auth/me' ? { status: 200, body: USER } : { status: 200, body: { items: [], nextCursor: null } };
  });
  const client = new MillraceClient({ baseUrl, fetch, getToken: () => 'secret' });
  expect((await client.calls.getMe()).kind).toBe('guest');
  await client.calls.listLive();
  expect(seen).toEqual(['Bearer secret', undefined]);
});

it('turns a problem document into an ApiError with its code and Retry-After', async () => {
  const baseUrl = await serve(() => ({ status: 429, body: problem('too_many_requests'), headers: { 'retry-after': '7' } }));
  const client = new MillraceClient({ baseUrl, fetch, getToken: () => undefined });
  const error = await client.calls.getCode({ params: { code: 'K7Q4XM' } }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: 'too_many_requests', status: 429, retryAfter: 7 });
});

it('calls an answer that breaks the contract, and no answer at all, unreachable', async () => {
  const baseUrl = await serve(() => ({ status: 200, body: { surprise: true } }));
  const client = new MillraceClient({ baseUrl, fetch, getToken: () => undefined });
  await expect(client.calls.listLive()).rejects.toBeInstanceOf(UnreachableError);
  server?.closeAllConnections();
  server?.close();
  await expect(client.calls.listLive()).rejects.toBeInstanceOf(UnreachableError);
});

it('makes one guest for calls at the same time, keeps it, and replaces it when the server forgot it', async () => {
  let guests = 0;
  let known = 'none';
  const baseUrl = await serve((request) => {
    if (request.url === '/api/v1/auth/guest') {
      known = `token-${++guests}`;
      return { status: 201, body: { token: known, user: USER } };
    }
    return request.headers.authorization === `Bearer ${known}` ? { status: 200, body: USER } : { status: 401, body: problem('not_authenticated') };
  });
  const storage = memoryStorage();
  const guest = new Guest({ baseUrl, fetch, storage, device: { name: 'Test', platform: 'Test' }, randomId: () => 'device-0123456789' });
  expect(await Promise.all([guest.ensure(), guest.ensure()])).toEqual(['token-1', 'token-1']);
  const client = new MillraceClient({ baseUrl, fetch, getToken: () => guest.token });
  known = 'reset';
  expect((await guest.as(() => client.calls.getMe())).id).toBe(USER.id);
  expect(guest.token).toBe('token-2');
});
