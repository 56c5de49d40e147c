/** What carries units to a target: one for each protocol. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { PublicAddresses } from '../../lib/public-address.ts';
import { explained } from './explained.ts';
import { type PushTarget, TargetFailed } from './target.ts';

export interface OpenRequest {
  readonly target: PushTarget;
  readonly tracks: readonly Track[];
  /** Rejects what is being opened. */
  readonly signal: AbortSignal;
}

export interface Sender {
  /** Resolves when the connection is over, with what ended it: a TargetRefused, a TargetFailed, or undefined after `close`. */
  readonly closed: Promise<Error | undefined>;
  readonly bytesSent: number;
  /** Units in the order of their decoding times. Resolves when more may be sent. */
  send(unit: Unit): Promise<void> | undefined;
  /** Says goodbye and waits until it is heard, for a moment. */
  close(): Promise<void>;
}

export interface SenderKind {
  /** Whether the container carries this track as it is. */
  carries(track: Track): boolean;
  /** Resolves when media is taken. Rejects with TargetRefused or TargetFailed. */
  open(request: OpenRequest): Promise<Sender>;
}

/** One that is on its way. */
export interface OpeningSender extends Sender {
  /** Resolves when media is taken; never, when it does not come to that. */
  readonly opened: Promise<undefined>;
  abort(error: Error): void;
}

/** Rejects with what kept it from opening. */
export async function whenOpen(sender: OpeningSender, signal: AbortSignal): Promise<Sender> {
  const abort = () => sender.abort(new TargetFailed('It was called off.'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const failure = await Promise.race([sender.opened, sender.closed]);
  signal.removeEventListener('abort', abort);
  if (failure) throw failure;
  return sender;
}

/** Where a target is: users name it, and it must not lie within our own network. Rejects with TargetRefused or TargetFailed. */
export async function publicAddressOf(target: PushTarget, signal: AbortSignal, addresses: Pick<PublicAddresses, 'resolvePublic'>): Promise<string> {
  try {
    const [{ address }] = await addresses.resolvePublic(target.host, signal);
    return address;
  } catch (error) {
    throw explained(error, target);
  }
}
