/** The question the stream socket asks before it opens; the product answers it. */
import type { Broadcast } from '../stream/broadcast.ts';
import type { PlaybackCredentials } from '../stream/playback-gate.ts';

export type WatchDecision =
  | {
      readonly allowed: true;
      /** Owners hear measurements, and of broadcasts they have not started. */
      readonly isOwner: boolean;
      /** Who it is, when there is a session. */
      readonly userId: string | null;
      /** The stream's last broadcast as stored, for when none runs now. */
      readonly lastBroadcast: Broadcast | null;
    }
  /** `hidden`: to this asker there is no such stream. `denied`: it is private, and the token is missing or stale. */
  | { readonly allowed: false; readonly reason: 'hidden' | 'denied' };

export interface WatchGate {
  admit(streamId: string, credentials: PlaybackCredentials): Promise<WatchDecision>;
}
