/** Stands between an uploader and its S3 server: counts what passes, and lets pass, hangs, breaks or answers as the test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** What becomes of one request. */
export type Verdict = 'pass' | 'hang' | 'break' | { readonly status: number; readonly body: string };

export interface Gate extends AsyncDisposable {
  readonly url: string;
  /** Numbers of the parts that were let through, in their order. */
  readonly parts: number[];
  /** Decides from now on. */
  rule: (request: IncomingMessage) => Verdict;
}

export async function startGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const gate: Pick<Gate, 'parts' | 'rule'> = { parts: [], rule: () => 'pass' };
  const server = createServer((incoming, response) => {
    const verdict = gate.rule(incoming);
    if (verdict === 'hang') return;
    if (verdict === 'break') incoming.socket.destroy();
    else if (verdict === 'pass') pass(incoming, response);
    else {
      incoming.resume().on('end', () => response.writeHead(verdict.status, { 'content-type': 'application/xml' }).end(verdict.body));
    }
  }).listen(0, '127.0.0.1');
  const pass = (incoming: IncomingMessage, response: ServerResponse) => {
    const number = partNumberOf(incoming);
    // The Host header is signed: it stays as the client wrote it.
    const forwarded = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      if (number !== undefined && answer.statusCode === 200) gate.parts.push(number);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  };
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return Object.assign(gate, {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

/** Of a request that puts one. */
export function partNumberOf({ method, url = '' }: IncomingMessage): number | undefined {
  const number = method === 'PUT' ? new URL(url, 'http://gate').searchParams.get('partNumber') : null;
  return number === null ? undefined : Number(number);
}
