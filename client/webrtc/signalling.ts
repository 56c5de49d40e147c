/** The HTTP side of a WHIP or WHEP session: the offer and its answer, trickled candidates, extensions, the end. */
import { type IceServer, iceServersOf, linkTo } from './link-header.ts';

const SDP = 'application/sdp';
/** A request on a connection that died with its network would wait for a minute; a new one finds another way. */
const OFFER_MS = 5000;

const FRAGMENT = 'application/trickle-ice-sdpfrag';

/** The server answered, and the answer is no. `status` 0: no answer came. */
export class SignallingError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, status: number, retryAfterMs?: number, cause?: unknown) {
    super(message, { cause });
    this.name = 'SignallingError';
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface SignallingDeps {
  readonly fetch: typeof fetch;
  /** The WHIP or WHEP endpoint. */
  readonly url: string;
  /** Sent as a bearer with every request. */
  readonly token?: string | undefined;
}

export class Signalling {
  readonly answer: string;
  /** What the server says to gather candidates from. */
  readonly iceServers: readonly IceServer[];
  readonly #deps: SignallingDeps;
  readonly #session: string | undefined;
  readonly #base: string;
  readonly #links: string | null;
  readonly #etag: string | null;
  #ended = false;

  private constructor(deps: SignallingDeps, response: Response, answer: string) {
    this.#deps = deps;
    this.answer = answer;
    this.#base = response.url || deps.url;
    this.#links = response.headers.get('link');
    this.iceServers = iceServersOf(this.#links);
    const location = response.headers.get('location');
    this.#session = location === null ? undefined : new URL(location, this.#base).href;
    this.#etag = response.headers.get('etag');
  }

  /** Sends the offer. Throws SignallingError. */
  static async offer(deps: SignallingDeps, sdp: string, signal: AbortSignal): Promise<Signalling> {
    const giveUp = new AbortController();
    const abort = () => giveUp.abort();
    const late = setTimeout(abort, OFFER_MS);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const response = await send(deps, deps.url, { method: 'POST', headers: { 'content-type': SDP }, body: sdp, signal: giveUp.signal });
      if (response.status !== 201) throw await refusal(response);
      return new Signalling(deps, response, await response.text());
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Tells candidates. That the server does not want them is no failure: it sees them as they arrive. */
  async trickle(fragment: string): Promise<void> {
    if (this.#session === undefined || this.#ended) return;
    await this.#patch(fragment, this.#etag).catch(() => undefined);
  }

  /** Asks an extension of this session, by the relation that names it. Undefined: the server has none, or cannot be reached. */
  async extension(rel: string, init: RequestInit = {}): Promise<Response | undefined> {
    const target = linkTo(this.#links, rel);
    if (target === undefined || this.#ended || !URL.canParse(target, this.#base)) return undefined;
    return send(this.#deps, new URL(target, this.#base).href, init).catch(() => undefined);
  }

  /** Ends the session on the server; also from a page that is going away. */
  end(): void {
    if (this.#session === undefined || this.#ended) return;
    this.#ended = true;
    void send(this.#deps, this.#session, { method: 'DELETE', keepalive: true }).catch(() => undefined);
  }

  #patch(fragment: string, etag: string | null): Promise<Response> {
    const headers = { 'content-type': FRAGMENT, ...(etag === null ? {} : { 'if-match': etag }) };
    return send(this.#deps, this.#session ?? '', { method: 'PATCH', headers, body: fragment });
  }
}

async function send({ fetch, token }: SignallingDeps, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token) headers.set('authorization', `Bearer ${token}`);
  try {
    return await fetch(url, { ...init, headers });
  } catch (cause) {
    throw new SignallingError('the server cannot be reached', 0, undefined, cause);
  }
}

async function refusal(response: Response): Promise<SignallingError> {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const text = await response.text().catch(() => '');
  return new SignallingError(`answer ${response.status}: ${text.slice(0, 300)}`, response.status, Number.isFinite(seconds) ? seconds * 1000 : undefined);
}
