/** For tests: HTTPS on a port of its own with a certificate of its own, and clients that trust it. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { WebSocketServer } from 'ws';
import { readJson } from '../../../api/parse.ts';
import { Certificates } from '../../../certificates/certificates.ts';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import type { Machine } from '../../../lib/machine.ts';
import { silentLog } from '../../../lib/silent-log.ts';
import type { TurnServer } from '../../turn/server.ts';
import { SecureListener } from '../secure-listener.ts';
import { sendBody } from '../send-body.ts';
import { HttpServer, type HttpServerDeps } from '../server.ts';

export const MEDIA = Buffer.from('0123456789'.repeat(1000));

/** What the certificate is for. */
interface NamedMachine {
  machine: Machine;
}

export class HttpsStand implements AsyncDisposable {
  readonly certificates: Certificates;
  readonly #named: NamedMachine;
  readonly #folder: string;
  readonly #scope: (() => void | Promise<void>)[] = [];

  private constructor(folder: string, certificates: Certificates, named: NamedMachine) {
    this.#folder = folder;
    this.certificates = certificates;
    this.#named = named;
  }

  static async start(): Promise<HttpsStand> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-https-'));
    const named: NamedMachine = { machine: { hostName: 'laptop', addresses: [] } };
    const machine = () => named.machine;
    const certificates = new Certificates({ folder, clock: systemClock, log: silentLog, host: '127.0.0.1', machine, files: undefined, acme: undefined });
    await certificates.start();
    return new HttpsStand(folder, certificates, named);
  }

  get ca(): string {
    return this.certificates.caCertificate?.pem ?? '';
  }

  /** The machine has these addresses from now on. */
  move(addresses: Machine['addresses']): void {
    this.#named.machine = { ...this.#named.machine, addresses };
  }

  async serve(deps: Partial<HttpServerDeps> = {}, clock: Clock = systemClock, turn?: TurnServer) {
    const sockets = new WebSocketServer({ noServer: true });
    const http = new HttpServer({
      host: '127.0.0.1',
      port: 0,
      clock,
      log: silentLog,
      handlers: [{ handle: media }],
      fallback: getRequestListener(async (request) => (request.method === 'POST' ? Response.json(await readJson(request)) : new Response(request.url))),
      upgrades: [
        {
          upgrade(request, socket, head) {
            sockets.handleUpgrade(request, socket, head, (ws) => ws.send(`hello at ${request.url}`));
            return true;
          },
        },
      ],
      ...deps,
    });
    const https = new SecureListener({ host: '127.0.0.1', port: 0, certificate: this.certificates.current(), http, turn, clock, log: silentLog });
    await http.start();
    const { port } = await https.start();
    this.defer(async () => {
      https.stop();
      await http.close();
      await https.close();
    });
    return { http, https, port, origin: `https://127.0.0.1:${port}` };
  }

  session(origin: string): ClientHttp2Session {
    const client = connect(origin, { ca: this.ca });
    client.on('error', () => {});
    this.defer(() => client.destroy());
    return client;
  }

  /** To be called at the end of the test. */
  defer(end: () => void | Promise<void>): void {
    this.#scope.push(end);
  }

  /** Ends whatever the test began. */
  async clear(): Promise<void> {
    for (const end of this.#scope.splice(0).reverse()) await end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Serves `MEDIA` at `/media`. */
export function media(request: IncomingMessage, response: ServerResponse, path: string): boolean {
  if (path !== '/media') return false;
  sendBody(request, response, { pieces: [MEDIA.subarray(0, 3000), MEDIA.subarray(3000)], size: MEDIA.length, contentType: 'video/mp4', cacheControl: 'no-cache' });
  return true;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export function ask(client: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers);
    const chunks: Buffer[] = [];
    let answered: IncomingHttpHeaders = {};
    stream.on('response', (all) => {
      answered = all;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('close', () =>
      stream.rstCode === constants.NGHTTP2_NO_ERROR ? resolve({ headers: answered, body: Buffer.concat(chunks) }) : reject(new Error(`reset ${stream.rstCode}`)),
    );
    stream.end(body);
  });
}

/** Until it is so: the event that a test waits for has no other sign. */
export async function becomes(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}
