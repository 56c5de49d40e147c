/** Sends one signed body to an address that a user named, and says what came of it. Bounded in time and memory, closed towards private networks. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { PublicAddresses } from '../lib/public-address.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import type { Attempt } from '../store/webhooks.ts';
import type { SignedHeaders } from './signature.ts';

export interface SenderDeps {
  readonly clock: Clock;
  readonly addresses: PublicAddresses;
}

export interface Sending {
  readonly url: string;
  readonly headers: SignedHeaders;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** From the look-up of the name to the end of the answer. */
export const ATTEMPT_TIMEOUT_MS = 10_000;

/** Of an answer's body: enough to recognise an error page; the rest is not read. */
const MAX_RESPONSE_CHARACTERS = 500;
const MAX_RESPONSE_BYTES = 4 * MAX_RESPONSE_CHARACTERS;

/** Node's own is 16 KiB for all headers. */
const MAX_HEADER_BYTES = 16 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The name of the host is not known.',
  EAI_AGAIN: 'The name of the host could not be looked up.',
  ECONNREFUSED: 'Nothing listens at this address.',
  ECONNRESET: 'The connection was closed before an answer came.',
  EHOSTUNREACH: 'The host cannot be reached.',
  ENETUNREACH: 'The host cannot be reached.',
  ETIMEDOUT: 'The host did not answer.',
  EPROTO: 'The host does not speak TLS there.',
  CERT_HAS_EXPIRED: 'The host’s certificate has expired.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The host’s certificate is not trusted.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The host’s certificate is not trusted.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The host’s certificate is not trusted.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The host’s certificate is not trusted.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The host’s certificate is for another name.',
};

export class Sender {
  readonly #deps: SenderDeps;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
  }

  /** Rejects only when `signal` aborts: everything else is what came of it. `error` null means that it was taken. */
  async send({ url, headers, body, signal }: Sending): Promise<Attempt> {
    const { clock } = this.#deps;
    const at = new Date(clock.now());
    const begun = clock.monotonic();
    const timeout = new AbortController();
    const timer = clock.after(ATTEMPT_TIMEOUT_MS, () => timeout.abort());
    const either = AbortSignal.any([signal, timeout.signal]);
    const attempt = (result: Pick<Attempt, 'status' | 'error' | 'response'>): Attempt => ({ at, durationMs: Math.round(clock.monotonic() - begun), ...result });
    try {
      const target = new URL(url);
      // Sockets do not look up a host that is an address already: it is checked here, a name again when connecting.
      await this.#deps.addresses.resolvePublic(target.hostname, either);
      const answer = await this.#post(target, headers, body, either);
      const status = answer.statusCode ?? 0;
      const response = await beginningOf(answer);
      return attempt({ status, error: refusalOf(status), response });
    } catch (error) {
      signal.throwIfAborted();
      const reason = timeout.signal.aborted ? `No complete answer came within ${ATTEMPT_TIMEOUT_MS / 1000} s.` : reasonOf(error);
      return attempt({ status: null, error: reason, response: null });
    } finally {
      timer.cancel();
    }
  }

  #post(target: URL, headers: SignedHeaders, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const bytes = Buffer.from(body);
    const request = target.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      request(target, {
        method: 'POST',
        // A connection of its own: none is kept to hosts that users name.
        agent: false,
        lookup: this.#deps.addresses.lookup,
        maxHeaderSize: MAX_HEADER_BYTES,
        signal,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': bytes.length, 'user-agent': 'Millrace-Webhooks/1', connection: 'close' },
      })
        .on('response', resolve)
        .on('error', reject)
        .end(bytes);
    });
  }
}

/** Reads no more than the beginning, then hangs up. */
async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MAX_RESPONSE_BYTES) break;
  }
  const text = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, MAX_RESPONSE_BYTES));
  // What PostgreSQL refuses and no page shows.
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, MAX_RESPONSE_CHARACTERS)
    .toWellFormed();
}

function refusalOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `It answered ${status}, a redirect, and those are not followed. Give the address it leads to.`;
  return `It answered ${status}. Only 2xx counts as taken.`;
}

function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const code = errorCodeOf(error);
  if (code !== undefined && REASONS[code] !== undefined) return REASONS[code];
  if (code?.startsWith('HPE_')) return 'What was answered is not HTTP.';
  return `The request failed (${code ?? 'unknown'}).`;
}
