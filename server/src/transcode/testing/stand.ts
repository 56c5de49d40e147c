/** A hub, a pool and bridges for tests; real workers, time as the test wants it. */
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type QuietLog, quietLog } from '../../lib/testing/quiet-log.ts';
import { Hub } from '../../stream/hub.ts';
import { Bridges } from '../bridges.ts';
import { WorkerPool } from '../pool.ts';

export interface Stand extends Disposable {
  readonly hub: Hub;
  readonly pool: WorkerPool;
  readonly bridges: Bridges;
  readonly log: QuietLog;
}

export function openStand(clock: Clock = systemClock, maxWorkers = 2): Stand {
  let ids = 0;
  const log = quietLog();
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, makeSinks: () => [], listener: { broadcastChanged: () => {} } });
  const pool = new WorkerPool({ clock, log, maxWorkers });
  const bridges = new Bridges({ pool, clock, log });
  return {
    hub,
    pool,
    bridges,
    log,
    [Symbol.dispose]() {
      bridges.close();
      pool.close();
    },
  };
}
