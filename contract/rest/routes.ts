/** Every REST operation there is. A route that is not here is not served, documented or callable. */
import * as auth from './auth.ts';
import * as connectivity from './connectivity.ts';
import * as documents from './documents.ts';
import * as recordings from './recordings.ts';
import * as sources from './sources.ts';
import * as streams from './streams.ts';
import * as targets from './targets.ts';
import * as trust from './trust.ts';
import * as viewing from './viewing.ts';
import * as webhooks from './webhooks.ts';

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
  listRecordings: recordings.listRecordings,
  getRecording: recordings.getRecording,
  viewRecording: recordings.viewRecording,
  updateRecording: recordings.updateRecording,
  deleteRecording: recordings.deleteRecording,
  prepareDownload: recordings.prepareDownload,
  createRecordingToken: recordings.createRecordingToken,
  getCode: viewing.getCode,
  listLive: viewing.listLive,
  getIceServers: connectivity.getIceServers,
  getTrust: trust.getTrust,
  createWebhook: webhooks.createWebhook,
  listWebhooks: webhooks.listWebhooks,
  getWebhook: webhooks.getWebhook,
  updateWebhook: webhooks.updateWebhook,
  deleteWebhook: webhooks.deleteWebhook,
  rotateWebhookSecret: webhooks.rotateWebhookSecret,
  testWebhook: webhooks.testWebhook,
  listDeliveries: webhooks.listDeliveries,
  redeliver: webhooks.redeliver,
  getOpenApi: documents.getOpenApi,
  getAsyncApi: documents.getAsyncApi,
  listErrors: documents.listErrors,
  getError: documents.getError,
} as const;

export type RouteId = keyof typeof ROUTES;
