/** What operators and their machines ask: `/healthz`, `/readyz`, `/metrics`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendProblem } from '../lib/problem.ts';
import { scrub } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

export interface OperatorRoutesDeps {
  readonly metrics: Metrics;
  readonly readiness: Readiness;
}

interface Answer {
  readonly status: 200 | 503;
  readonly type: string;
  readonly body: string;
}

export class OperatorRoutes {
  readonly #answers: ReadonlyMap<string, () => Promise<Answer>>;

  constructor({ metrics, readiness }: OperatorRoutesDeps) {
    this.#answers = new Map([
      // That it answers at all is the answer.
      ['/healthz', async () => ({ status: 200, type: 'text/plain; charset=utf-8', body: 'alive\n' })],
      ['/readyz', () => readyAnswer(readiness)],
      ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() })],
    ]);
  }

  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean | Promise<boolean> {
    const answer = this.#answers.get(path);
    if (!answer) return false;
    if (request.method === 'GET' || request.method === 'HEAD') return send(request, response, answer);
    sendProblem(response, 'method_not_allowed', { headers: { Allow: 'GET, HEAD' } });
    return true;
  }
}

async function readyAnswer(readiness: Readiness): Promise<Answer> {
  const { ready, reasons } = await readiness.report();
  // Reasons are what other programs said: an address with a password may be among it.
  return { status: ready ? 200 : 503, type: 'application/json', body: `${scrub(JSON.stringify({ ready, reasons }))}\n` };
}

async function send(request: IncomingMessage, response: ServerResponse, answer: () => Promise<Answer>): Promise<true> {
  const { status, type, body } = await answer();
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}
