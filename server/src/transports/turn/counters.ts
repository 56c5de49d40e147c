/** What the relay counts, read by the metrics. */
import { REFUSALS, type RefusalReason } from './turn-error.ts';

export class TurnCounters {
  /** Relayed payload from clients to their peers, and back. */
  bytesToPeers = 0;
  bytesToClients = 0;
  /** Packets not relayed: the client reads too slowly, the user's bandwidth is used up, the peer has no permission, the system's queue is full. */
  readonly dropped = { slow: 0, bandwidth: 0, permission: 0, queue: 0 };
  readonly refusals = new Map<RefusalReason, number>(REFUSALS.map((reason) => [reason, 0]));

  refused(reason: RefusalReason): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }
}
