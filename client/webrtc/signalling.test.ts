/** The HTTP side of WHIP and WHEP against a real server. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Signalling, SignallingError } from './signalling.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

let server: Server;
let seen: Seen[];
let replies: Reply[];

beforeEach(async () => {
  seen = [];
  replies = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    const reply = replies.shift() ?? { status: 204 };
    response.writeHead(reply.status, reply.headers).end(reply.body);
    server.emit('answered');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => server.close());

function deps() {
  const address = server.address();
  return { fetch, url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/whip/abc`, token: 'key' };
}

const CREATED: Reply = {
  status: 201,
  headers: { 'content-type': 'application/sdp', location: '/whip/abc/session1', etag: '"1"', link: '<turn:t:3478>; rel="ice-server"; username="u"; credential="c"' },
  body: 'v=0\r\n',
};

const open = () => Signalling.offer(deps(), 'v=0\r\noffer', new AbortController().signal);

/** Answers never; ends as every fetch does when it is aborted. */
const hangingFetch: typeof fetch = (_, init) => new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))));

it('posts the offer with the bearer and reads answer, session and ICE servers', async () => {
  replies.push(CREATED);
  const session = await open();
  expect(session.answer).toBe('v=0\r\n');
  expect(session.iceServers).toEqual([{ urls: 'turn:t:3478', username: 'u', credential: 'c' }]);
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/whip/abc', body: 'v=0\r\noffer' });
  expect(seen[0]?.headers).toMatchObject({ 'content-type': 'application/sdp', authorization: 'Bearer key' });
});

it('trickles with the ETag of the session', async () => {
  replies.push(CREATED, { status: 204 });
  const session = await open();
  await session.trickle('one');
  expect(seen.slice(1).map(({ method, url, headers, body }) => [method, url, headers['if-match'], headers['content-type'], body])).toEqual([
    ['PATCH', '/whip/abc/session1', '"1"', 'application/trickle-ice-sdpfrag', 'one'],
  ]);
});

it('ends once', async () => {
  replies.push(CREATED);
  const session = await open();
  const answered = once(server, 'answered');
  session.end();
  session.end();
  await answered;
  expect(seen.at(-1)).toMatchObject({ method: 'DELETE', url: '/whip/abc/session1' });
  expect(seen.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
});

it('tells a refusal with its status and when to come back', async () => {
  replies.push({ status: 409, headers: { 'retry-after': '3' }, body: '{}' });
  const error = await open().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SignallingError);
  expect(error).toMatchObject({ status: 409, retryAfterMs: 3000 });
});

it('gives up an offer that nobody answers, as on a network that swallows everything', async () => {
  const giveUp = new AbortController();
  const hanging = Signalling.offer({ ...deps(), fetch: hangingFetch }, '', giveUp.signal);
  giveUp.abort();
  await expect(hanging).rejects.toMatchObject({ status: 0 });

  vi.useFakeTimers();
  try {
    const late = expect(Signalling.offer({ ...deps(), fetch: hangingFetch }, '', new AbortController().signal)).rejects.toMatchObject({ status: 0 });
    await vi.advanceTimersByTimeAsync(5000);
    await late;
  } finally {
    vi.useRealTimers();
  }
});

it('tells a server that is not there', async () => {
  const gone = deps();
  await new Promise((resolve) => server.close(resolve));
  await expect(Signalling.offer(gone, '', new AbortController().signal)).rejects.toMatchObject({ status: 0 });
});

it('asks an extension that the server names, with the bearer, until the session is over', async () => {
  const link = '<turn:t:3478>; rel="ice-server", </whep/abc/session1/layer>; rel="urn:example:layer"';
  replies.push({ ...CREATED, headers: { ...CREATED.headers, link } }, { status: 200, body: '{}' }, { status: 400 });
  const session = await open();
  expect(await (await session.extension('urn:example:layer'))?.text()).toBe('{}');
  expect((await session.extension('urn:example:layer', { method: 'POST', body: 'x' }))?.status).toBe(400);
  expect(await session.extension('urn:example:events')).toBeUndefined();
  expect(seen.slice(1).map(({ method, url, headers, body }) => [method, url, headers.authorization, body])).toEqual([
    ['GET', '/whep/abc/session1/layer', 'Bearer key', ''],
    ['POST', '/whep/abc/session1/layer', 'Bearer key', 'x'],
  ]);
  session.end();
  expect(await session.extension('urn:example:layer')).toBeUndefined();
});
