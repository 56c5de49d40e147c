import { afterEach, expect, it } from 'vitest';
import { FakeClock, systemClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import { HttpServer } from '../transports/http/server.ts';
import { Metrics } from './metrics.ts';
import { Readiness, type ReadinessCheck } from './readiness.ts';
import { OperatorRoutes } from './routes.ts';
import { RunningTotal } from './running-total.ts';

const servers: HttpServer[] = [];

async function serve(checks: readonly ReadinessCheck[] = [], metrics = new Metrics({})) {
  const readiness = new Readiness({ clock: systemClock, checks });
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: quietLog(),
    handlers: [new OperatorRoutes({ metrics, readiness })],
    fallback: (_request, response) => response.writeHead(404).end(),
    upgrades: [],
  });
  servers.push(server);
  const { port } = await server.start();
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  return { readiness, ask };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

it('is alive from the start, and ready only while it serves', async () => {
  const { readiness, ask } = await serve();
  expect((await ask('/healthz')).status).toBe(200);
  const starting = await ask('/readyz');
  expect([starting.status, await starting.json()]).toEqual([503, { ready: false, reasons: ['The server is starting.'] }]);
  readiness.serving();
  expect(await (await ask('/readyz')).json()).toEqual({ ready: true, reasons: [] });
  readiness.stopping();
  expect(await (await ask('/readyz')).json()).toEqual({ ready: false, reasons: ['The server is stopping.'] });
});

it('names every check that fails, and no password', async () => {
  const { readiness, ask } = await serve([
    { name: 'database', check: () => Promise.reject(new Error('postgres://millrace:hunter2@db is away')) },
    { name: 'http', check: () => {} },
  ]);
  readiness.serving();
  const response = await ask('/readyz');
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({ ready: false, reasons: ['database: postgres://millrace:[hidden]@db is away'] });
});

it('takes a check that does not answer for failed, and asks once for many probers', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const check = () => {
    asked++;
    return new Promise<void>(() => {});
  };
  const readiness = new Readiness({ clock, checks: [{ name: 'rtmp', check }] });
  readiness.serving();
  const reports = [readiness.report(), readiness.report()];
  clock.advance(2_000);
  expect(await Promise.all(reports)).toEqual(Array(2).fill({ ready: false, reasons: ['rtmp: no answer within 2000 ms'] }));
  expect(asked).toBe(1);
});

it('shows what its sources say now, with labels, and nothing of sources that are missing', async () => {
  let viewers = 3;
  const metrics = new Metrics({
    viewers: () => viewers,
    publishers: () => [
      [{ protocol: 'rtmp' }, 2],
      [{ protocol: 'rtmps' }, 1],
    ],
    bytesIn: async () => [[{ protocol: 'rtmp' }, 1_000_000]],
  });
  const { ask } = await serve([], metrics);
  const first = await ask('/metrics');
  expect(first.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await first.text();
  for (const line of [
    'millrace_viewers 3',
    'millrace_publishers{protocol="rtmp"} 2',
    'millrace_publishers{protocol="rtmps"} 1',
    'millrace_received_bytes_total{protocol="rtmp"} 1000000',
  ])
    expect(text.split('\n')).toContain(line);
  expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
  expect(text).not.toContain('millrace_sockets');
  viewers = 4;
  const second = (await (await ask('/metrics')).text()).split('\n');
  expect(second).toContain('millrace_viewers 4');
  expect(second).toContain('millrace_received_bytes_total{protocol="rtmp"} 1000000');
});

it('answers HEAD without a body, refuses other methods and leaves other paths alone', async () => {
  const { ask } = await serve();
  const head = await ask('/metrics', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  const post = await ask('/metrics', { method: 'POST' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect((await ask('/metrics/more')).status).toBe(404);
});

it('sums over what comes and goes without ever falling', () => {
  const total = new RunningTotal();
  expect(total.read([['a', 5]])).toBe(5);
  expect(
    total.read([
      ['a', 7],
      ['b', 1],
    ]),
  ).toBe(8);
  expect(total.read([['b', 4]])).toBe(11);
  expect(total.read([])).toBe(11);
});
