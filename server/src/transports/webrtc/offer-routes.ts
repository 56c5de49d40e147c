/** `/whip/…` and `/whep/…`: offers become sessions, and sessions are changed and ended, over HTTP. Source: RFC 9725 §4 and the WHEP draft, which agree. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProtocolError } from '@millrace/media/protocol-error';
import type { IceCredentials } from '@millrace/media/sdp/description';
import { parseFragment, writeFragment } from '@millrace/media/sdp/fragment';
import { parseDescription } from '@millrace/media/sdp/parse-description';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { sendProblem } from '../../lib/problem.ts';
import { TryLimiter } from '../../lib/try-limiter.ts';
import { answerLayers, LAYER_METHODS, type LayerChoice, layerLink } from './layer-requests.ts';
import { answerOptions, bearerOf, FRAGMENT_TYPE, type IceServer, iceServerLinks, JSON_TYPE, OFFER_HEADERS, readFragment, readOffer } from './offer-request.ts';
import type { RestartedEnd } from './peer-session.ts';

/** A room full of phones that reconnect at once, and no more: every offer costs a DTLS context. */
const OFFERS = { tries: 60, windowMs: 10_000, blockMs: 10_000 } as const;

/** Each restart is a round of checks: a network that changes more often than this is none to be followed. */
const RESTART_INTERVAL_MS = 1_000;

/** An id is 21 characters. */
const MAX_PATH_LENGTH = 200;

const ENDPOINT_METHODS = 'POST, OPTIONS';
const SESSION_METHODS = 'PATCH, DELETE, OPTIONS';

export interface Offer {
  readonly streamId: string;
  readonly sdp: string;
  /** Of the Authorization header. Never logged. */
  readonly bearer: string | undefined;
  /** `?token=` */
  readonly token: string | undefined;
  /** `?viewer=`: whoever asks is counted elsewhere under this name. */
  readonly viewer: string | undefined;
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
  readonly remoteAddress: string;
  /** Aborted when the asker hangs up. */
  readonly signal: AbortSignal;
}

/** A session as its HTTP resource sees it. */
export interface OfferedSession {
  readonly answer: string;
  /** `a=ice-ufrag` of the offer. */
  readonly remoteUfrag: string;
  readonly closed: Promise<unknown>;
  /** The sizes of its picture, where it may choose. */
  readonly layers?: LayerChoice;
  /** Begins an ICE restart with new credentials of the peer. Throws AppError; the session goes on. */
  restart(remote: IceCredentials): Promise<RestartedEnd>;
  /** The peer ends it. */
  leave(): void;
}

export interface OfferRoutesDeps {
  /** `whip` or `whep`: the first segment of the path. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** `hostname` is what the asker calls this server. */
  readonly iceServers: { for(user: string, hostname?: string): readonly IceServer[] };
  newId(): string;
  /** Who asks, where a trusted proxy may stand between. */
  remoteAddressOf(req: IncomingMessage): string;
  /** Throws AppError, and ProtocolError when the offer is malformed. */
  take(offer: Offer): Promise<OfferedSession>;
}

interface Resource {
  readonly streamId: string;
  readonly session: OfferedSession;
  /** Of its ICE: another after each restart, as is the peer's `a=ice-ufrag`. */
  etag: string;
  remoteUfrag: string;
  restartableAtMs: number;
  /** Of the bearer token that opened it: the same is asked of those who change it. */
  readonly bearerHash: Buffer | undefined;
}

/** What a path names. */
interface Target {
  readonly streamId: string;
  readonly sessionId: string | undefined;
  readonly isLayer: boolean;
}

export class OfferRoutes {
  readonly #deps: OfferRoutesDeps;
  readonly #offers: TryLimiter;
  readonly #resources = new Map<string, Resource>();
  readonly #prefix: string;

  constructor(deps: OfferRoutesDeps) {
    this.#deps = deps;
    this.#prefix = `/${deps.name}/`;
    this.#offers = new TryLimiter(OFFERS, deps.clock);
  }

  /** As a handler of the HTTP server. */
  handle(req: IncomingMessage, res: ServerResponse, path: string): boolean | Promise<boolean> {
    if (!path.startsWith(this.#prefix)) return false;
    const [, , streamId, sessionId, part, ...rest] = path.length <= MAX_PATH_LENGTH ? path.split('/') : [];
    if (!streamId || sessionId === '' || (part !== undefined && part !== 'layer') || rest.length > 0) sendProblem(res, 'not_found');
    else if (req.method !== 'OPTIONS') return this.#answer(req, res, { streamId, sessionId, isLayer: part !== undefined });
    else if (part === undefined) answerOptions(res, sessionId === undefined ? ENDPOINT_METHODS : SESSION_METHODS);
    else answerOptions(res, LAYER_METHODS, JSON_TYPE);
    return true;
  }

  async #answer(req: IncomingMessage, res: ServerResponse, { streamId, sessionId, isLayer }: Target): Promise<boolean> {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    try {
      if (sessionId === undefined) await this.#offer(req, res, streamId, gone.signal);
      else {
        const resource = this.#resource(streamId, sessionId, bearerOf(req));
        if (!isLayer) await this.#change(req, res, resource);
        else if (resource.session.layers) await answerLayers(req, res, resource.session.layers);
        else throw new AppError('not_found');
      }
    } catch (error) {
      // Nobody is there to be answered, which is most likely what the error says.
      if (!gone.signal.aborted && req.errored === null) this.#refuse(req, res, error);
    }
    return true;
  }

  async #offer(req: IncomingMessage, res: ServerResponse, streamId: string, signal: AbortSignal): Promise<void> {
    if (req.method !== 'POST') throw new AppError('method_not_allowed', { allow: [ENDPOINT_METHODS] });
    const { name, take, newId, iceServers, remoteAddressOf, log } = this.#deps;
    const remoteAddress = remoteAddressOf(req);
    const waitMs = this.#offers.waitMs(remoteAddress);
    if (waitMs > 0) throw new AppError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    this.#offers.count(remoteAddress);
    const sdp = await readOffer(req);
    const bearer = bearerOf(req);
    const { cookie, authorization } = req.headers;
    const query = new URLSearchParams(req.url?.split('?')[1] ?? '');
    const [token, viewer] = [query.get('token') ?? undefined, query.get('viewer') ?? undefined];
    const session = await take({ streamId, sdp, bearer, token, viewer, cookie, authorization, remoteAddress, signal });
    const id = newId();
    const etag = `"${newId()}"`;
    const bearerHash = bearer === undefined ? undefined : hashOf(bearer);
    this.#resources.set(id, { streamId, session, etag, remoteUfrag: session.remoteUfrag, restartableAtMs: Number.NEGATIVE_INFINITY, bearerHash });
    void session.closed.then(() => this.#resources.delete(id));
    if (signal.aborted) {
      // Nobody heard the answer, so nobody would end what it names.
      session.leave();
      return;
    }
    log.debug({ streamId, remoteAddress, protocol: name }, 'offer answered');
    const location = `${this.#prefix}${streamId}/${id}`;
    const links = [...iceServerLinks(iceServers.for(id, hostnameOf(req))), ...(session.layers ? [layerLink(location)] : [])];
    res.writeHead(201, {
      ...OFFER_HEADERS,
      'Content-Type': 'application/sdp',
      'Content-Length': Buffer.byteLength(session.answer),
      // An absolute path: some encoders misread relative ones.
      Location: location,
      ETag: etag,
      'Accept-Patch': FRAGMENT_TYPE,
      ...(links.length > 0 && { Link: links }),
    });
    res.end(session.answer);
  }

  async #change(req: IncomingMessage, res: ServerResponse, resource: Resource): Promise<void> {
    if (req.method === 'DELETE') {
      resource.session.leave();
      res.writeHead(200, { ...OFFER_HEADERS, 'Content-Length': 0 });
      res.end();
      return;
    }
    if (req.method !== 'PATCH') throw new AppError('method_not_allowed', { allow: [SESSION_METHODS] });
    const fragment = await readFragment(req);
    const match = req.headers['if-match'];
    if (match === undefined) throw new AppError('precondition_required');
    // RFC 9725's examples have the asterisk in quotes.
    const isRestart = /^(\*|"\*")$/.test(match.trim());
    if (!isRestart && !match.split(',').some((tag) => tag.trim() === resource.etag)) throw new AppError('precondition_failed');
    const { ice } = parseFragment(fragment);
    if (isRestart && !ice) throw new AppError('sdp_malformed', { detail: 'A restart of ICE (If-Match: *) needs a=ice-ufrag and a=ice-pwd.' });
    if (ice && ice.ufrag !== resource.remoteUfrag) {
      await this.#restart(res, resource, ice);
      return;
    }
    // The candidates are not needed: this end answers whatever address checks it.
    res.writeHead(204, { ...OFFER_HEADERS, ETag: resource.etag });
    res.end();
  }

  async #restart(res: ServerResponse, resource: Resource, remote: IceCredentials): Promise<void> {
    const { clock, newId } = this.#deps;
    const { session, restartableAtMs } = resource;
    const now = clock.monotonic();
    if (now < restartableAtMs) throw new AppError('too_many_requests', { retryAfterSeconds: Math.ceil((restartableAtMs - now) / 1000) });
    resource.restartableAtMs = now + RESTART_INTERVAL_MS;
    let local: RestartedEnd;
    try {
      local = await session.restart(remote);
    } catch (error) {
      resource.restartableAtMs = restartableAtMs;
      throw error;
    }
    resource.remoteUfrag = remote.ufrag;
    resource.etag = `"${newId()}"`;
    // The medium that carries the transport of all, as in the answer to the offer.
    const mid = parseDescription(session.answer).media.find(({ candidates }) => candidates.length > 0)?.mid ?? '0';
    const body = writeFragment({ ice: local.ice, media: [{ mid, candidates: local.candidates, endOfCandidates: true }] });
    res.writeHead(200, { ...OFFER_HEADERS, 'Content-Type': FRAGMENT_TYPE, 'Content-Length': Buffer.byteLength(body), ETag: resource.etag });
    res.end(body);
  }

  #resource(streamId: string, sessionId: string, bearer: string | undefined): Resource {
    const resource = this.#resources.get(sessionId);
    if (resource?.streamId !== streamId) throw new AppError('session_not_found');
    if (resource.bearerHash === undefined) return resource;
    if (bearer === undefined || !timingSafeEqual(hashOf(bearer), resource.bearerHash)) throw new AppError('session_token_required');
    return resource;
  }

  #refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    const refusal = error instanceof ProtocolError ? new AppError('sdp_malformed', { detail: `The session description cannot be read: ${error.message}.` }) : error;
    if (!(refusal instanceof AppError)) throw refusal;
    const { detail, retryAfterSeconds, allow } = refusal.params;
    // The rest of a body that is too long is not waited for.
    if (!req.complete) res.setHeader('Connection', 'close');
    sendProblem(res, refusal.code, {
      ...(detail !== undefined && { detail }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      headers: { ...OFFER_HEADERS, ...(allow && { Allow: allow.join(', ') }), ...(refusal.status === 401 && { 'WWW-Authenticate': 'Bearer' }) },
    });
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Undefined when the Host header was not written by a browser. */
function hostnameOf({ headers }: IncomingMessage): string | undefined {
  const origin = `http://${headers.host ?? ''}`;
  return URL.canParse(origin) ? new URL(origin).hostname : undefined;
}
