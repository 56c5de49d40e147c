/** A track on its way to all viewers: how it is packetized, and the packets that each of them takes from. */
import type { Carried } from './from-stream.ts';
import type { PacketLog } from './packet-log.ts';

export interface OutgoingTrack {
  readonly carried: Carried;
  readonly log: PacketLog;
}
