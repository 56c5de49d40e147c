/** Builds what takes and gives broadcasts in real time: WHIP and WHEP, on one WebRTC transport. For main.ts alone. */
import type { Config } from './config/load.ts';
import { WhipIngest, type WhipIngestDeps } from './ingest/whip/ingest.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { BridgedTracks } from './outputs/whep/bridged-tracks.ts';
import { WhepOutput, type WhepOutputDeps } from './outputs/whep/output.ts';
import type { Hub } from './stream/hub.ts';
import type { Bridges } from './transcode/bridges.ts';
import type { Ladders } from './transcode/ladders.ts';
import { remoteAddressOf } from './transports/http/remote-address.ts';
import type { IceRestarts } from './transports/webrtc/ice-restarts.ts';
import { OfferRoutes, type OfferRoutesDeps } from './transports/webrtc/offer-routes.ts';
import { WebRtcTransport } from './transports/webrtc/transport.ts';

export interface RealTimeDeps extends Pick<OfferRoutesDeps, 'iceServers' | 'newId'> {
  readonly config: Pick<Config, 'host' | 'webrtc' | 'trustProxy'>;
  readonly hub: Hub;
  readonly bridges: Bridges;
  readonly ladders: Ladders;
  readonly publishing: WhipIngestDeps['gate'];
  readonly playback: WhepOutputDeps['gate'];
  readonly elsewhere: WhepOutputDeps['elsewhere'];
  readonly visits: WhepOutputDeps['viewers'];
  readonly restarts: IceRestarts;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RealTime {
  readonly webrtc: WebRtcTransport;
  readonly whip: WhipIngest;
  readonly whep: WhepOutput;
  /** What answers `/whip/…` and `/whep/…`. */
  readonly routes: readonly OfferRoutes[];
}

export function composeRealTime(deps: RealTimeDeps): RealTime {
  const { config, hub, bridges, ladders, publishing, playback, elsewhere, visits, restarts, iceServers, newId, clock, log } = deps;
  const webrtc = new WebRtcTransport({ clock, log, restarts, config: { host: config.host, ...config.webrtc } });
  const whip = new WhipIngest({ hub, gate: publishing, transport: webrtc, clock, log });
  const source = new BridgedTracks({ bridges, clock });
  const whep = new WhepOutput({ hub, gate: playback, elsewhere, transport: webrtc, source, tiers: ladders, viewers: visits, clock, log });
  const offers: Omit<OfferRoutesDeps, 'name' | 'take'> = { clock, log, iceServers, newId, remoteAddressOf: (req) => remoteAddressOf(req, config.trustProxy) };
  return {
    webrtc,
    whip,
    whep,
    routes: [new OfferRoutes({ ...offers, name: 'whip', take: (offer) => whip.take(offer) }), new OfferRoutes({ ...offers, name: 'whep', take: (offer) => whep.take(offer) })],
  };
}
