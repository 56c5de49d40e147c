/** The stream calls: everything an owner does with a stream. */
import { z } from 'zod';
import { BroadcastState } from '../entities/broadcast.ts';
import { MinuteMeasurement } from '../entities/measurement.ts';
import { Ingest, Playback, Stream, StreamSettings } from '../entities/stream.ts';
import { Id, Instant } from '../ids.ts';
import { DEFAULT_PLAYBACK_TOKEN_SECONDS, MAX_PLAYBACK_TOKEN_SECONDS } from '../limits.ts';
import { PageQuery, pageOf } from './page.ts';
import { defineRoute } from './route.ts';

const StreamParams = z.strictObject({ id: Id });

export const StreamWithAddresses = z.strictObject({ stream: Stream, ingest: Ingest, playback: Playback }).meta({ id: 'StreamWithAddresses' });
export type StreamWithAddresses = z.infer<typeof StreamWithAddresses>;

export const StreamWithKey = z
  .strictObject({
    ...StreamWithAddresses.shape,
    /** Shown once: it is stored hashed. */
    streamKey: z.string().min(32),
  })
  .meta({ id: 'StreamWithKey' });
export type StreamWithKey = z.infer<typeof StreamWithKey>;

export const CreateStreamRequest = z.strictObject({
  ...StreamSettings.partial().shape,
  title: StreamSettings.shape.title,
});
export type CreateStreamRequest = z.infer<typeof CreateStreamRequest>;

export const createStream = defineRoute({
  id: 'createStream',
  method: 'post',
  path: '/streams',
  summary: 'Make a stream',
  auth: 'required',
  body: CreateStreamRequest,
  success: { status: 201, body: StreamWithKey, description: 'The stream, its addresses and, this once, its key.' },
  errors: ['invalid_request', 'not_authenticated', 'guests_not_allowed', 'limit_reached', 'body_too_large', 'unsupported_media_type', 'too_many_requests'],
});

export const listStreams = defineRoute({
  id: 'listStreams',
  method: 'get',
  path: '/streams',
  summary: 'Your streams, newest first',
  auth: 'required',
  query: z.strictObject({ ...PageQuery.shape, status: BroadcastState.optional() }),
  success: { status: 200, body: pageOf(Stream), description: 'A page of streams.' },
  errors: ['invalid_request', 'not_authenticated'],
});

export const getStream = defineRoute({
  id: 'getStream',
  method: 'get',
  path: '/streams/{id}',
  summary: 'One of your streams',
  auth: 'required',
  params: StreamParams,
  success: { status: 200, body: StreamWithAddresses, description: 'The stream and its addresses, without the key.' },
  errors: ['not_authenticated', 'stream_not_found'],
});

export const updateStream = defineRoute({
  id: 'updateStream',
  method: 'patch',
  path: '/streams/{id}',
  summary: 'Change a stream’s settings',
  auth: 'required',
  params: StreamParams,
  body: StreamSettings.partial(),
  success: { status: 200, body: StreamWithAddresses, description: 'The stream as it is now.' },
  errors: ['invalid_request', 'not_authenticated', 'stream_not_found', 'body_too_large', 'unsupported_media_type'],
});

export const deleteStream = defineRoute({
  id: 'deleteStream',
  method: 'delete',
  path: '/streams/{id}',
  summary: 'Delete a stream; a running broadcast ends',
  auth: 'required',
  params: StreamParams,
  success: { status: 204, description: 'It is gone.' },
  errors: ['not_authenticated', 'stream_not_found'],
});

export const startStream = defineRoute({
  id: 'startStream',
  method: 'post',
  path: '/streams/{id}/start',
  summary: 'Let viewers see a previewed broadcast',
  auth: 'required',
  params: StreamParams,
  success: { status: 200, body: StreamWithAddresses, description: 'The stream, live.' },
  errors: ['not_authenticated', 'stream_not_found', 'no_media', 'on_another_server'],
});

export const stopStream = defineRoute({
  id: 'stopStream',
  method: 'post',
  path: '/streams/{id}/stop',
  summary: 'End the broadcast',
  auth: 'required',
  params: StreamParams,
  /** `keepRecording: false` deletes what was recorded of it. */
  body: z.strictObject({ keepRecording: z.boolean().default(true) }),
  success: { status: 200, body: StreamWithAddresses, description: 'The stream, ended.' },
  errors: ['invalid_request', 'not_authenticated', 'stream_not_found', 'not_running', 'on_another_server', 'body_too_large', 'unsupported_media_type'],
});

export const rotateStreamKey = defineRoute({
  id: 'rotateStreamKey',
  method: 'post',
  path: '/streams/{id}/key',
  summary: 'Replace the stream key; the old one stops working at once',
  auth: 'required',
  params: StreamParams,
  success: { status: 200, body: StreamWithKey, description: 'The stream with its new key.' },
  errors: ['not_authenticated', 'stream_not_found'],
});

export const createPlaybackToken = defineRoute({
  id: 'createPlaybackToken',
  method: 'post',
  path: '/streams/{id}/playback-tokens',
  summary: 'Make a signed token with which others can watch a private stream for a while',
  auth: 'required',
  params: StreamParams,
  body: z.strictObject({ expiresInSeconds: z.int().min(30).max(MAX_PLAYBACK_TOKEN_SECONDS).default(DEFAULT_PLAYBACK_TOKEN_SECONDS) }),
  success: { status: 201, body: z.strictObject({ token: z.string(), expiresAt: Instant, playback: Playback }), description: 'The token, and playback URLs that carry it.' },
  errors: ['invalid_request', 'not_authenticated', 'stream_not_found', 'body_too_large', 'unsupported_media_type'],
});

export const getStreamMetrics = defineRoute({
  id: 'getStreamMetrics',
  method: 'get',
  path: '/streams/{id}/metrics',
  summary: 'History of a stream’s measurements, a row a minute, oldest first',
  auth: 'required',
  params: StreamParams,
  query: z.strictObject({ since: Instant.optional() }),
  success: { status: 200, body: z.strictObject({ items: z.array(MinuteMeasurement) }), description: 'At most the last 1 440 minutes.' },
  errors: ['invalid_request', 'not_authenticated', 'stream_not_found'],
});
