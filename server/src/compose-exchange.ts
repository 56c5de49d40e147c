/** Builds what brings broadcasts from other servers and what takes them there, and the processes that both work with. For main.ts alone. */
import { createSecureContext } from 'node:tls';
import { LoopbackTls } from './certificates/loopback-tls.ts';
import type { Config } from './config/load.ts';
import { PullIngest, type PullIngestDeps } from './ingest/pull/pull-ingest.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { PublicAddresses } from './lib/public-address.ts';
import { PushOutput } from './outputs/push/push-output.ts';
import { rtmpSenders } from './outputs/push/rtmp-sender.ts';
import { srtSenders } from './outputs/push/srt-sender.ts';
import type { Hub } from './stream/hub.ts';
import type { Targets } from './streams/targets.ts';
import type { Bridges } from './transcode/bridges.ts';
import { MediaProcesses } from './transports/ffmpeg/media-processes.ts';

export interface ExchangeDeps extends Pick<PullIngestDeps, 'sources' | 'isWatched'> {
  readonly config: Pick<Config, 'mediaDir' | 'mediaProcesses'>;
  readonly hub: Hub;
  readonly bridges: Bridges;
  readonly addresses: PublicAddresses;
  readonly targets: Pick<Targets, 'enabled'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Exchange {
  readonly processes: MediaProcesses;
  readonly pull: PullIngest;
  readonly push: PushOutput;
}

export function composeExchange({ config, hub, bridges, addresses, targets, sources, isWatched, clock, log }: ExchangeDeps): Exchange {
  const processes = new MediaProcesses({ max: config.mediaProcesses });
  // The authorities that Node knows, and the operator's of NODE_EXTRA_CA_CERTS.
  const farTls = createSecureContext();
  const nearTls = new LoopbackTls({ clock });
  const pull = new PullIngest({ hub, processes, clock, log, addresses, farTls, nearTls, mediaDir: config.mediaDir, sources, isWatched });
  const rtmp = rtmpSenders({ addresses, clock });
  const push = new PushOutput({
    hub,
    bridges,
    senders: { rtmp, rtmps: rtmp, srt: srtSenders({ addresses, clock, processes }) },
    clock,
    log,
    targetsOf: (id) => targets.enabled(id),
  });
  return { processes, pull, push };
}
