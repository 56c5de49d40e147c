/** Everything that is forwarded: begins with a broadcast that viewers may see, ends with it, and follows what the owner changes meanwhile. */
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Broadcast } from '../../stream/broadcast.ts';
import type { Hub } from '../../stream/hub.ts';
import { Forwarder } from './forwarder.ts';
import type { SenderKind } from './sender.ts';
import { IDLE, type PushStatus, type PushTarget } from './target.ts';
import type { BridgeSource } from './target-feed.ts';

export interface PushOutputDeps {
  readonly hub: Pick<Hub, 'get' | 'running'>;
  readonly bridges: BridgeSource;
  readonly senders: Readonly<Record<PushTarget['protocol'], SenderKind>>;
  readonly clock: Clock;
  readonly log: Log;
  /** The targets of a stream that are switched on. */
  targetsOf(streamId: string): Promise<readonly PushTarget[]>;
}

export class PushOutput {
  readonly #deps: PushOutputDeps;
  /** By the target's id. */
  readonly #forwarders = new Map<string, { readonly streamId: string; readonly forwarder: Forwarder }>();
  /** Streams whose targets are being looked up; true: again afterwards. */
  readonly #looking = new Map<string, boolean>();
  #past = { bytes: 0, droppedUnits: 0 };
  #isClosed = false;

  constructor(deps: PushOutputDeps) {
    this.#deps = deps;
  }

  /** Bytes sent to all targets there ever were, units that they were too slow for, and targets that are connected now. */
  get counters(): { readonly bytes: number; readonly droppedUnits: number; readonly forwarding: number } {
    let { bytes, droppedUnits } = this.#past;
    let forwarding = 0;
    for (const { forwarder } of this.#forwarders.values()) {
      const { status } = forwarder;
      bytes += status.bytesSent;
      droppedUnits += status.droppedUnits;
      if (status.state === 'forwarding') forwarding++;
    }
    return { bytes, droppedUnits, forwarding };
  }

  status(targetId: string): PushStatus {
    return this.#forwarders.get(targetId)?.forwarder.status ?? IDLE;
  }

  /** For the hub's listener. A preview is nobody's business but the owner's. */
  broadcastChanged({ streamId, state }: Broadcast): void {
    if (state === 'live') this.targetsChanged(streamId);
    else if (state === 'ended') for (const [id, { streamId: of }] of [...this.#forwarders]) if (of === streamId) this.#stop(id);
  }

  /** The owner added, changed or removed a target. */
  targetsChanged(streamId: string): void {
    if (this.#looking.has(streamId)) {
      this.#looking.set(streamId, true);
      return;
    }
    void this.#look(streamId);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#forwarders.values()].map(({ forwarder }) => forwarder.close()));
  }

  async #look(streamId: string): Promise<void> {
    const { log, targetsOf } = this.#deps;
    do {
      this.#looking.set(streamId, false);
      await targetsOf(streamId).then(
        (targets) => this.#apply(streamId, targets),
        (error: unknown) => log.error({ err: error, streamId }, 'the targets of a stream could not be read'),
      );
    } while (this.#looking.get(streamId) === true);
    this.#looking.delete(streamId);
  }

  #apply(streamId: string, targets: readonly PushTarget[]): void {
    const stream = this.#deps.hub.get(streamId);
    const isShown = stream !== undefined && stream.broadcast.state !== 'ended' && stream.broadcast.startedAt !== null;
    const wanted = new Map(isShown && !this.#isClosed ? targets.map((target) => [target.id, target]) : []);
    for (const [id, { streamId: of, forwarder }] of [...this.#forwarders]) {
      if (of === streamId && !isSameTarget(wanted.get(id), forwarder.target)) this.#stop(id);
    }
    if (!stream) return;
    const { bridges, senders, clock, log } = this.#deps;
    for (const target of wanted.values()) {
      if (this.#forwarders.has(target.id)) continue;
      const forwarder = new Forwarder({ stream, target, bridges, senders: senders[target.protocol], clock, log: log.child({ streamId }) });
      this.#forwarders.set(target.id, { streamId, forwarder });
      forwarder.start();
    }
  }

  #stop(targetId: string): void {
    const entry = this.#forwarders.get(targetId);
    if (!entry) return;
    this.#forwarders.delete(targetId);
    const { forwarder } = entry;
    void forwarder.close().then(() => {
      this.#past = { bytes: this.#past.bytes + forwarder.status.bytesSent, droppedUnits: this.#past.droppedUnits + forwarder.status.droppedUnits };
    });
  }
}

function isSameTarget(a: PushTarget | undefined, b: PushTarget): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
