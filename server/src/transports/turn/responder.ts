/** Answers the STUN and TURN messages of every client: who is it, may it, what then. */
import { ProtocolError } from '@millrace/media/protocol-error';
import { xorAddressAttribute } from '@millrace/media/stun/address';
import { Attribute, errorAttribute, type StunAttribute, unknownAttributesAttribute, unknownRequired } from '@millrace/media/stun/attribute';
import { isChannelData } from '@millrace/media/stun/channel-data';
import { attributeOf, readStun, StunClass, type StunMessage, StunMethod, writeStun } from '@millrace/media/stun/message';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { TryLimiter } from '../../lib/try-limiter.ts';
import type { Authenticated, Authentication } from './authentication.ts';
import { hmacSha1 } from './authentication.ts';
import type { ClientLink } from './client-link.ts';
import type { TurnCounters } from './counters.ts';
import { allocate, channelBind, createPermission, peerIn, type RequestDeps, refresh, type TurnRequest } from './requests.ts';
import { TurnError } from './turn-error.ts';

/** Answers to one network a second before its packets show who sends them: a house of browsers gathering at once, no flood, no amplifier. */
const STRANGERS = { tries: 60, windowMs: 1_000, blockMs: 1_000 } as const;

/** All that must be understood and is. DONT-FRAGMENT is not: Node cannot set that bit (RFC 8656 §7.2 then wants 420). */
const KNOWN: ReadonlySet<number> = new Set([
  ...[Attribute.username, Attribute.messageIntegrity, Attribute.realm, Attribute.nonce],
  ...[Attribute.channelNumber, Attribute.lifetime, Attribute.xorPeerAddress, Attribute.data],
  ...[Attribute.requestedAddressFamily, Attribute.evenPort, Attribute.requestedTransport, Attribute.reservationToken],
]);

export interface ResponderDeps extends RequestDeps {
  readonly authentication: Authentication;
  readonly counters: TurnCounters;
  readonly clock: Clock;
  readonly log: Log;
}

export class Responder {
  readonly #deps: ResponderDeps;
  readonly #strangers: TryLimiter;
  /** Clients whose allocation is being opened. */
  readonly #opening = new Set<string>();

  constructor(deps: ResponderDeps) {
    this.#deps = deps;
    this.#strangers = new TryLimiter(STRANGERS, deps.clock);
  }

  /** Takes one message. Throws ProtocolError for what is neither STUN nor ChannelData. */
  handle(bytes: Uint8Array, link: ClientLink): void {
    const allocation = this.#deps.allocations.get(link.key);
    if (isChannelData(bytes)) {
      if (allocation) allocation.fromChannel(bytes);
      else this.#deps.counters.dropped.permission++;
      return;
    }
    if (!allocation && this.#isLimited(link)) return;
    const message = readStun(bytes);
    if (message.class === StunClass.indication && message.method === StunMethod.send) this.#sendIndication(message, link);
    else if (message.class === StunClass.request)
      this.#answer(message, link).catch((error: unknown) => this.#deps.log.error({ err: error, transport: link.transport }, 'a TURN request could not be answered'));
  }

  #sendIndication(message: StunMessage, link: ClientLink): void {
    const [peer, data] = [peerIn(message), attributeOf(message, Attribute.data)];
    const allocation = this.#deps.allocations.get(link.key);
    if (allocation && peer && data && unknownRequired(message.attributes, KNOWN).length === 0) allocation.send(peer, data);
    else this.#deps.counters.dropped.permission++;
  }

  async #answer(message: StunMessage, link: ClientLink): Promise<void> {
    let who: Authenticated | undefined;
    try {
      if (message.method === StunMethod.binding) {
        requireKnown(message);
        this.#succeed(message, link, [xorAddressAttribute(Attribute.xorMappedAddress, link.remote, message.transactionId)]);
        return;
      }
      who = this.#deps.authentication.identify(message, link, this.#deps.allocations.get(link.key));
      if (!who) {
        this.#fail(message, link, 401, '', this.#deps.authentication.challenge(link));
        return;
      }
      requireKnown(message);
      const attributes = await this.#serve({ message, link, who });
      if (attributes) this.#succeed(message, link, attributes, who);
    } catch (error) {
      this.#refuse(message, link, error, who);
    }
  }

  /** Synchronous but for Allocate: what a client sends next finds what it asked for before. */
  #serve(request: TurnRequest): StunAttribute[] | undefined | Promise<StunAttribute[] | undefined> {
    switch (request.message.method) {
      case StunMethod.allocate:
        return allocate(request, this.#deps, this.#opening);
      case StunMethod.refresh:
        return refresh(request, this.#deps);
      case StunMethod.createPermission:
        return createPermission(request, this.#deps);
      case StunMethod.channelBind:
        return channelBind(request, this.#deps);
      default:
        throw new TurnError(400, 'bad_request');
    }
  }

  #refuse(message: StunMessage, link: ClientLink, error: unknown, who: Authenticated | undefined): void {
    const refusal = error instanceof TurnError ? error : error instanceof ProtocolError ? new TurnError(400, 'bad_request') : new TurnError(500, 'no_port');
    this.#deps.counters.refused(refusal.reason);
    if (refusal.code === 500) this.#deps.log.error({ err: error, transport: link.transport }, 'a TURN request failed');
    else this.#deps.log.debug({ code: refusal.code, reason: refusal.reason, transport: link.transport, remoteAddress: link.remoteAddress }, 'TURN request refused');
    // Whose credentials have run out is a stranger again and may come back with new ones.
    const attributes = refusal.reason === 'expired' ? this.#deps.authentication.challenge(link) : refusal.attributes;
    this.#fail(message, link, refusal.code, refusal.phrase, attributes, who);
  }

  #succeed(message: StunMessage, link: ClientLink, attributes: readonly StunAttribute[], who?: Authenticated): void {
    this.#send({ message, link, who }, StunClass.success, attributes);
  }

  #fail(message: StunMessage, link: ClientLink, code: number, phrase: string, attributes: readonly StunAttribute[], who?: Authenticated): void {
    this.#send({ message, link, who }, StunClass.error, [errorAttribute(code, phrase), ...attributes]);
  }

  #send({ message, link, who }: Omit<TurnRequest, 'who'> & { readonly who: Authenticated | undefined }, outcome: StunClass, attributes: readonly StunAttribute[]): void {
    if (!who) {
      if (this.#isLimited(link)) return;
      this.#strangers.count(link.remoteAddress);
    }
    const answer = writeStun(
      { class: outcome, method: message.method, transactionId: message.transactionId, attributes },
      { ...(who ? { integrity: { key: who.key, hmacSha1 } } : {}), fingerprint: message.hasFingerprint },
    );
    link.send(answer);
  }

  #isLimited(link: ClientLink): boolean {
    if (this.#strangers.waitMs(link.remoteAddress) === 0) return false;
    this.#deps.counters.refused('rate_limited');
    return true;
  }
}

/** Throws TurnError 420. */
function requireKnown(message: StunMessage): void {
  const unknown = unknownRequired(message.attributes, KNOWN);
  if (unknown.length > 0) throw new TurnError(420, 'unsupported', [unknownAttributesAttribute(unknown)]);
}
