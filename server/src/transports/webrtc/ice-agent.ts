/**
 * The controlled end of ICE towards a peer, for one pair of credentials (RFC 8445): it answers checks, checks whoever sent them, and keeps to the
 * address that the peer chose for as long as the peer consents (RFC 7675). Knows no socket: paths are given with what comes by them.
 */
import type { IceCredentials } from '@millrace/media/sdp/description';
import { Attribute } from '@millrace/media/stun/attribute';
import { attributeOf, StunClass, type StunMessage } from '@millrace/media/stun/message';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { GuestPath } from '../turn/guests.ts';
import { isSignedWith, usernameOf, writeCheck, writeCheckAnswer, writeRoleConflict } from './connectivity-check.ts';

/** Those of a peer's networks, by either family, direct and relayed; each costs memory and checks. */
const MAX_PATHS = 8;

/** RFC 8489 §6.2.1: the first wait of a check without an answer, doubled for each after it; so often is it sent. */
const RETRANSMISSION_MS = 500;
const MAX_TRANSMISSIONS = 7;

/** RFC 7675 §5.1: a check every five seconds, give or take a fifth, and the end after thirty without an answer. */
const CONSENT_CHECK_MS = 4_000;
const CONSENT_SPREAD_MS = 2_000;
const CONSENT_MS = 30_000;

/** Of a peer-reflexive candidate: what this end would be known by if its address were new to the peer. */
const PRIORITY = 110 * 2 ** 24 + 65_535 * 2 ** 8 + 255;

export interface IceAgentDeps {
  readonly clock: Clock;
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  randomBytes(length: number): Uint8Array;
  readonly listener: IceAgentListener;
}

export interface IceAgentListener {
  /** The peer has chosen a path, or another one. */
  selected(): void;
  /** The chosen path has not been consented to for half a minute. */
  consentEnded(): void;
  /** No longer known; all of them when the agent closes. */
  forgotten(pathKey: string): void;
}

/** The check on a path whose answer is waited for. */
interface OpenCheck {
  readonly transactionId: Uint8Array;
  readonly bytes: Uint8Array;
  timer: Timer | undefined;
}

interface KnownPath {
  readonly path: GuestPath;
  isNominated: boolean;
  /** A check was answered, at least once. */
  isValidated: boolean;
  consentUntilMs: number;
  check: OpenCheck | undefined;
}

export class IceAgent {
  readonly #deps: IceAgentDeps;
  readonly #paths = new Map<string, KnownPath>();
  #lastNominated: KnownPath | undefined;
  #selected: KnownPath | undefined;
  #consentTimer: Timer | undefined;
  #isClosed = false;

  constructor(deps: IceAgentDeps) {
    this.#deps = deps;
  }

  /** The first half of the USERNAME of checks that are for this agent. */
  get ufrag(): string {
    return this.#deps.local.ufrag;
  }

  /** Where the peer wants its packets. */
  get selected(): GuestPath | undefined {
    return this.#selected?.path;
  }

  knows(pathKey: string): boolean {
    return this.#paths.has(pathKey);
  }

  /** Media came by this path. False: it is not the peer's. Whoever has not nominated a path yet is answered by the one it sends on: browsers use a path before they say so. */
  media(pathKey: string): boolean {
    const known = this.#paths.get(pathKey);
    if (!known?.isValidated) return false;
    if (!this.#selected && this.#deps.clock.monotonic() < known.consentUntilMs) this.#select(known);
    return true;
  }

  /** A check that came in. False: it is not for this agent, or not from its peer. */
  request(message: StunMessage, path: GuestPath): boolean {
    const { local, remote } = this.#deps;
    if (this.#isClosed || usernameOf(message) !== `${local.ufrag}:${remote.ufrag}` || !message.hasFingerprint || !isSignedWith(message, local.pwd)) return false;
    const known = this.#paths.get(path.key) ?? this.#learn(path);
    // This end stays controlled: the peer made the offer.
    if (attributeOf(message, Attribute.iceControlled)) {
      path.send(writeRoleConflict(message, local.pwd));
      return true;
    }
    path.send(writeCheckAnswer(message, path.remote, local.pwd));
    if (attributeOf(message, Attribute.useCandidate)) {
      known.isNominated = true;
      this.#lastNominated = known;
    }
    if (this.#deps.clock.monotonic() >= known.consentUntilMs) this.#trigger(known);
    else if (this.#lastNominated === known) this.#select(known);
    return true;
  }

  /** An answer that came in. Whatever answers no check of this agent is passed over. */
  answer(message: StunMessage, pathKey: string): void {
    const known = this.#paths.get(pathKey);
    // RFC 8445 §7.2.5.2.1: from where the check went to.
    if (!known?.check || Buffer.compare(message.transactionId, known.check.transactionId) !== 0 || !isSignedWith(message, this.#deps.remote.pwd)) return;
    known.check.timer?.cancel();
    known.check = undefined;
    if (message.class !== StunClass.success) return;
    known.isValidated = true;
    known.consentUntilMs = this.#deps.clock.monotonic() + CONSENT_MS;
    if (known.isNominated && (this.#lastNominated === known || !this.#selected)) this.#select(known);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#consentTimer?.cancel();
    this.#selected = undefined;
    for (const known of [...this.#paths.values()]) this.#forget(known);
  }

  #learn(path: GuestPath): KnownPath {
    if (this.#paths.size >= MAX_PATHS) {
      const all = [...this.#paths.values()];
      const least = all.find(({ isValidated }) => !isValidated) ?? all.find((one) => one !== this.#selected);
      if (least) this.#forget(least);
    }
    const known = { path, isNominated: false, isValidated: false, consentUntilMs: Number.NEGATIVE_INFINITY, check: undefined };
    this.#paths.set(path.key, known);
    return known;
  }

  #forget(known: KnownPath): void {
    known.check?.timer?.cancel();
    known.check = undefined;
    this.#paths.delete(known.path.key);
    this.#deps.listener.forgotten(known.path.key);
  }

  /** RFC 8445 §7.3.1.4. One under way goes out again at once: its answer may be under way as well. */
  #trigger(known: KnownPath): void {
    if (known.check?.timer) known.path.send(known.check.bytes);
    else this.#transmit(known, this.#openCheck(known), RETRANSMISSION_MS, MAX_TRANSMISSIONS);
  }

  #transmit(known: KnownPath, check: OpenCheck, waitMs: number, left: number): void {
    check.timer = this.#deps.clock.after(waitMs, () => {
      if (left > 1) this.#transmit(known, check, waitMs * 2, left - 1);
      else check.timer = undefined;
    });
    known.path.send(check.bytes);
  }

  #openCheck(known: KnownPath): OpenCheck {
    const { local, remote, randomBytes } = this.#deps;
    known.check?.timer?.cancel();
    const transactionId = randomBytes(12);
    const bytes = writeCheck({ transactionId, username: `${remote.ufrag}:${local.ufrag}`, password: remote.pwd, priority: PRIORITY, role: 'controlled' });
    known.check = { transactionId, bytes, timer: undefined };
    return known.check;
  }

  /** The one that was nominated last: peers nominate what they use, and go on doing so. */
  #select(known: KnownPath): void {
    if (this.#selected === known) return;
    this.#selected = known;
    this.#deps.listener.selected();
    this.#askForConsent();
  }

  #askForConsent(): void {
    const selected = this.#selected;
    if (!selected || this.#isClosed) return;
    this.#consentTimer?.cancel();
    const { clock, listener, randomBytes } = this.#deps;
    const leftMs = selected.consentUntilMs - clock.monotonic();
    if (leftMs <= 0) {
      listener.consentEnded();
      return;
    }
    // Not sent again before the next: that one asks as well.
    selected.path.send(this.#openCheck(selected).bytes);
    const waitMs = CONSENT_CHECK_MS + ((randomBytes(1)[0] ?? 0) / 255) * CONSENT_SPREAD_MS;
    this.#consentTimer = clock.after(Math.min(waitMs, leftMs), () => this.#askForConsent());
  }
}
