import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { HttpServer, type HttpServerDeps } from './server.ts';
import { SocketClient } from './testing/socket-client.ts';

const servers: HttpServer[] = [];

async function serve(deps: Partial<HttpServerDeps> = {}) {
  const log = quietLog();
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log,
    handlers: [],
    fallback: (_request, response) => response.end('fallback'),
    upgrades: [],
    ...deps,
  });
  servers.push(server);
  const { port } = await server.start();
  return { server, log, port, url: `http://127.0.0.1:${port}` };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function answerTo(prefix: string, text: string, slowly = false) {
  return {
    handle(_request: IncomingMessage, response: ServerResponse, path: string): boolean | Promise<boolean> {
      if (!path.startsWith(prefix)) return slowly ? Promise.resolve(false) : false;
      response.end(`${text} ${path}`);
      return slowly ? Promise.resolve(true) : true;
    },
  };
}

it('asks its handlers in order, with the path alone, and the fallback last', async () => {
  const { url } = await serve({ handlers: [answerTo('/hls/', 'first'), answerTo('/dash/', 'second', true), answerTo('/dash/', 'never'), answerTo('/late', 'third')] });
  const texts = await Promise.all(['/hls/a?token=x', '/dash/b', '/late', '/other'].map(async (path) => (await fetch(url + path)).text()));
  expect(texts).toEqual(['first /hls/a', 'second /dash/b', 'third /late', 'fallback']);
});

it('answers 500 as a problem when a handler fails, at once or later, and says so without the query', async () => {
  const throwing = {
    handle(_request: IncomingMessage, _response: ServerResponse, path: string): boolean | Promise<boolean> {
      if (path === '/later') return Promise.reject(new Error('broken'));
      throw new Error('broken');
    },
  };
  const { url, log, server } = await serve({ handlers: [throwing] });
  for (const path of ['/now?token=secret', '/later?token=secret']) {
    const response = await fetch(url + path);
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ code: 'internal', status: 500 });
  }
  expect(log.lines.map((line) => line.fields)).toMatchObject([{ path: '/now' }, { path: '/later' }]);
  expect(server.counters).toMatchObject({ requests: 2, failures: 2 });
});

it('cuts off an answer that fails when it has begun', async () => {
  const failing = {
    async handle(_request: IncomingMessage, response: ServerResponse): Promise<boolean> {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half');
      throw new Error('broken');
    },
  };
  const { url } = await serve({ handlers: [failing] });
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
});

it('refuses a socket that nobody takes', async () => {
  const { port } = await serve();
  expect(await new SocketClient(`ws://127.0.0.1:${port}/ws/nothing`).refusal()).toBe(404);
});

it('answers a request that would rather be HTTP/2 as what it is', async () => {
  const { port, server } = await serve();
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /page HTTP/1.1\r\nHost: here\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(String(Buffer.concat(chunks))).toMatch(/^HTTP\/1\.1 200 .*fallback$/s);
  expect(server.counters).toMatchObject({ requests: 1, upgrades: 0 });
});

it('names the port and the key when the port is in use', async () => {
  const { port } = await serve();
  await expect(serve({ port })).rejects.toThrow(`Port ${port} for HTTP is in use by another program. Stop that program or choose another port with PORT.`);
  servers.pop();
});

it('answers bytes that are not HTTP with 400 and closes', async () => {
  const { port } = await serve();
  const socket = connect(port, '127.0.0.1');
  socket.write('\x16\x03\x01 not http\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(String(Buffer.concat(chunks))).toMatch(/^HTTP\/1\.1 400/);
});

it('closes at the door what is more than it takes, and goes on with the others', async () => {
  const { server, port, url } = await serve({ maxConnections: 1 });
  const first = connect(port, '127.0.0.1');
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  const second = connect(port, '127.0.0.1').resume();
  await new Promise((resolve) => second.once('close', resolve));
  expect(server.counters.turnedAway).toBe(1);
  first.destroy();
  while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(await (await fetch(url)).text()).toBe('fallback');
});

it('lets an answer on its way finish when it stops, closes idle connections and takes no new ones', async () => {
  let begun: (response: ServerResponse) => void = () => {};
  const answering = new Promise<ServerResponse>((resolve) => {
    begun = resolve;
  });
  // Nothing is cut off by force: the stop ends by itself or not at all.
  const clock = { ...systemClock, after: () => ({ cancel: () => {} }) };
  const { url, server, port } = await serve({ clock, fallback: (request, response) => (request.url === '/slow' ? begun(response) : response.end('quick')) });
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>((resolve) => get(`${url}/quick`, { agent }, (response) => response.resume().once('end', resolve)));
  const slow = fetch(`${url}/slow`);
  const response = await answering;
  expect(server.connections).toBe(2);
  const closed = server.close();
  await expect(new Promise((resolve, reject) => connect(port, '127.0.0.1', () => resolve(undefined)).once('error', reject))).rejects.toThrow('ECONNREFUSED');
  response.end('whole');
  expect(await (await slow).text()).toBe('whole');
  await closed;
  agent.destroy();
});
