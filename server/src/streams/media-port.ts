/** The little that the product sees of the media path. main.ts makes it from the hub and the viewer count. */
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { Broadcast } from '../stream/broadcast.ts';

export interface MediaPort {
  /** The running broadcast of a stream, or one that ended a moment ago. */
  broadcast(streamId: string): Broadcast | undefined;
  /** Every broadcast that has not ended. */
  running(): Iterable<Broadcast>;
  /** Lets viewers into a previewed broadcast. False: nothing is in preview. */
  start(streamId: string): boolean;
  /** Ends a broadcast. False: none runs. */
  stop(streamId: string, reason: EndReason): boolean;
  viewers(streamId: string): number;
  /** Whether there is a picture of its broadcast now. */
  hasPoster(streamId: string): boolean;
}
