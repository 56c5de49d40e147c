/** What owners do with the services that their streams are forwarded to. The rules; the forwarding itself is elsewhere. */
import type { Target, TargetState } from '@millrace/contract/entities/target';
import type { User } from '@millrace/contract/entities/user';
import { MAX_TARGETS_PER_STREAM } from '@millrace/contract/limits';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { PublicAddresses } from '../lib/public-address.ts';
import type { Sealer } from '../lib/sealed.ts';
import type { TargetRow, TargetStore } from '../store/targets.ts';
import type { Streams } from './streams.ts';
import { parseTarget, partsOf, type TargetParts, TargetSecret } from './target-address.ts';

/** The little that the product sees of the forwarding. */
export interface ForwardingPort {
  /** Times in milliseconds since the Unix epoch. */
  status(targetId: string): {
    readonly state: Exclude<TargetState, 'off'>;
    readonly error: string | null;
    readonly retryAt: number | null;
    readonly forwardingSince: number | null;
    readonly bytesSent: number;
    readonly droppedUnits: number;
  };
  /** A stream's targets are others now. */
  targetsChanged(streamId: string): void;
}

export interface TargetsDeps {
  readonly store: TargetStore;
  readonly streams: Pick<Streams, 'owned'>;
  readonly sealer: Sealer;
  readonly addresses: Pick<PublicAddresses, 'resolvePublic'>;
  readonly clock: Clock;
  newId(): string;
  /** Asked late: the forwarding asks for targets in its turn. */
  forwarding(): ForwardingPort;
}

export interface NewTarget {
  readonly url: string;
  readonly key?: string | undefined;
  readonly name?: string | undefined;
  readonly enabled: boolean;
}

export interface TargetChanges {
  readonly name?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly key?: string | undefined;
}

/** With its secrets, for whoever connects to it. */
export type OpenTarget = TargetParts & TargetSecret & { readonly id: string };

export class Targets {
  readonly #deps: TargetsDeps;

  constructor(deps: TargetsDeps) {
    this.#deps = deps;
  }

  async list(user: User, streamId: string): Promise<Target[]> {
    await this.#deps.streams.owned(user, streamId);
    return (await this.#deps.store.ofStream(streamId)).map((row) => this.#view(row));
  }

  async create(user: User, streamId: string, { url, key, name, enabled }: NewTarget): Promise<Target> {
    const { store, streams, addresses, clock, newId, forwarding } = this.#deps;
    await streams.owned(user, streamId);
    const { address, host, secret } = parseTarget(url, key);
    // A name that cannot be looked up now may be later; an address that is not allowed is told at once.
    await addresses.resolvePublic(host).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
    });
    const now = new Date(clock.now());
    const id = newId();
    const row: TargetRow = { id, streamId, name: name ?? host, address, secret: this.#seal(id, secret), enabled, createdAt: now, updatedAt: now };
    if (!(await store.insert(row, MAX_TARGETS_PER_STREAM))) {
      throw new AppError('limit_reached', { detail: `A stream may be forwarded to ${MAX_TARGETS_PER_STREAM} services. Remove one that you no longer need.` });
    }
    forwarding().targetsChanged(streamId);
    return this.#view(row);
  }

  async update(user: User, streamId: string, id: string, { name, enabled, key }: TargetChanges): Promise<Target> {
    const { store, streams, clock, forwarding } = this.#deps;
    await streams.owned(user, streamId);
    const before = key === undefined ? undefined : (await store.ofStream(streamId)).find((target) => target.id === id);
    const secret = before && key !== undefined ? this.#seal(id, { ...this.#open(before), key }) : undefined;
    const row = await store.update(streamId, id, { name, enabled, secret }, new Date(clock.now()));
    if (!row) throw new AppError('target_not_found');
    forwarding().targetsChanged(streamId);
    return this.#view(row);
  }

  async remove(user: User, streamId: string, id: string): Promise<void> {
    const { store, streams, forwarding } = this.#deps;
    await streams.owned(user, streamId);
    if (!(await store.delete(streamId, id))) throw new AppError('target_not_found');
    forwarding().targetsChanged(streamId);
  }

  /** Those of a stream that are switched on. Rejects when they were sealed with the secrets of another server. */
  async enabled(streamId: string): Promise<OpenTarget[]> {
    const rows = await this.#deps.store.ofStream(streamId);
    return rows.filter((row) => row.enabled).map((row) => ({ id: row.id, ...partsOf(row.address), ...this.#open(row) }));
  }

  #view(row: TargetRow): Target {
    const status = this.#deps.forwarding().status(row.id);
    return {
      id: row.id,
      name: row.name,
      url: row.address,
      enabled: row.enabled,
      state: row.enabled ? status.state : 'off',
      error: row.enabled ? status.error : null,
      retryAt: instant(status.retryAt),
      forwardingSince: instant(status.forwardingSince),
      bytesSent: status.bytesSent,
      droppedUnits: status.droppedUnits,
      createdAt: row.createdAt.toISOString(),
      updatedAt: row.updatedAt.toISOString(),
    };
  }

  #seal(id: string, secret: TargetSecret): string {
    return this.#deps.sealer.seal(JSON.stringify(secret), `target ${id}`);
  }

  #open({ id, secret }: TargetRow): TargetSecret {
    return TargetSecret.parse(JSON.parse(this.#deps.sealer.open(secret, `target ${id}`)));
  }
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
