/** Every REST operation there is. A route that is not here is not served, documented or callable. */
import * as auth from './auth.ts';
import * as connectivity from './connectivity.ts';
import * as documents from './documents.ts';
import * as sources from './sources.ts';
import * as streams from './streams.ts';
import * as targets from './targets.ts';
import * as trust from './trust.ts';
import * as viewing from './viewing.ts';

export const ROUTES = {
  createGuest: auth.createGuest,
  getMe: auth.getMe,
  createStream: streams.createStream,
  listStreams: streams.listStreams,
  getStream: streams.getStream,
  updateStream: streams.updateStream,
  deleteStream: streams.deleteStream,
  startStream: streams.startStream,
  stopStream: streams.stopStream,
  rotateStreamKey: streams.rotateStreamKey,
  createPlaybackToken: streams.createPlaybackToken,
  getStreamMetrics: streams.getStreamMetrics,
  getSource: sources.getSource,
  setSource: sources.setSource,
  deleteSource: sources.deleteSource,
  listTargets: targets.listTargets,
  createTarget: targets.createTarget,
  updateTarget: targets.updateTarget,
  deleteTarget: targets.deleteTarget,
  getCode: viewing.getCode,
  listLive: viewing.listLive,
  getIceServers: connectivity.getIceServers,
  getTrust: trust.getTrust,
  getOpenApi: documents.getOpenApi,
  getAsyncApi: documents.getAsyncApi,
  listErrors: documents.listErrors,
  getError: documents.getError,
} as const;

export type RouteId = keyof typeof ROUTES;
