/** The library: everything an owner does with recordings, and the view of whoever may watch one. */
import { z } from 'zod';
import { PublicRecording, Recording, RecordingPlayback, RecordingSettings, RecordingState, RecordingTask } from '../entities/recording.ts';
import { Id, Instant } from '../ids.ts';
import { DEFAULT_PLAYBACK_TOKEN_SECONDS, MAX_PLAYBACK_TOKEN_SECONDS, MAX_TITLE_LENGTH } from '../limits.ts';
import { lineOfText } from '../text.ts';
import { PageQuery, pageOf } from './page.ts';
import { defineRoute } from './route.ts';

const RecordingParams = z.strictObject({ id: Id });

export const listRecordings = defineRoute({
  id: 'listRecordings',
  method: 'get',
  path: '/recordings',
  summary: 'Your recordings, newest first',
  auth: 'required',
  query: z.strictObject({
    ...PageQuery.shape,
    streamId: Id.optional(),
    state: RecordingState.optional(),
    /** Part of the title, in any case. */
    text: lineOfText({ max: MAX_TITLE_LENGTH }).optional(),
  }),
  success: { status: 200, body: pageOf(Recording), description: 'A page of recordings.' },
  errors: ['invalid_request', 'not_authenticated'],
});

export const getRecording = defineRoute({
  id: 'getRecording',
  method: 'get',
  path: '/recordings/{id}',
  summary: 'One of your recordings',
  auth: 'required',
  params: RecordingParams,
  success: { status: 200, body: Recording, description: 'The recording.' },
  errors: ['not_authenticated', 'recording_not_found'],
});

export const viewRecording = defineRoute({
  id: 'viewRecording',
  method: 'get',
  path: '/recordings/{id}/view',
  summary: 'A recording as its viewers see it',
  auth: 'optional',
  params: RecordingParams,
  query: z.strictObject({ token: z.string().max(512).optional() }),
  success: { status: 200, body: PublicRecording, description: 'What a player needs.' },
  errors: ['invalid_request', 'recording_not_found', 'recording_not_ready', 'on_another_server'],
});

export const updateRecording = defineRoute({
  id: 'updateRecording',
  method: 'patch',
  path: '/recordings/{id}',
  summary: 'Rename a recording, or change who may watch it',
  auth: 'required',
  params: RecordingParams,
  body: RecordingSettings.partial(),
  success: { status: 200, body: Recording, description: 'The recording as it is now.' },
  errors: ['invalid_request', 'not_authenticated', 'recording_not_found', 'body_too_large', 'unsupported_media_type'],
});

export const deleteRecording = defineRoute({
  id: 'deleteRecording',
  method: 'delete',
  path: '/recordings/{id}',
  summary: 'Delete a recording and its files',
  auth: 'required',
  params: RecordingParams,
  success: { status: 204, description: 'It is gone.' },
  errors: ['not_authenticated', 'recording_not_found', 'recording_not_ready'],
});

export const prepareDownload = defineRoute({
  id: 'prepareDownload',
  method: 'post',
  path: '/recordings/{id}/download',
  summary: 'Make the MP4 of a recording ready, which takes some seconds of one that is hours long; answers after a second at the latest',
  auth: 'required',
  params: RecordingParams,
  success: {
    status: 200,
    /** `task` is null once it is ready, and for as long as it cannot be told how far it is. */
    body: z.strictObject({ isReady: z.boolean(), task: RecordingTask.nullable() }),
    description: 'Whether `playback.download` answers at once now. If not, it goes on meanwhile: ask again, or follow `/ws/recordings`.',
  },
  errors: ['not_authenticated', 'recording_not_found', 'recording_not_ready', 'on_another_server', 'media_not_found', 'storage_unreachable', 'overloaded'],
});

export const createRecordingToken = defineRoute({
  id: 'createRecordingToken',
  method: 'post',
  path: '/recordings/{id}/playback-tokens',
  summary: 'Make a signed token with which others can watch a private recording for a while',
  auth: 'required',
  params: RecordingParams,
  body: z.strictObject({ expiresInSeconds: z.int().min(30).max(MAX_PLAYBACK_TOKEN_SECONDS).default(DEFAULT_PLAYBACK_TOKEN_SECONDS) }),
  success: {
    status: 201,
    body: z.strictObject({ token: z.string(), expiresAt: Instant, playback: RecordingPlayback }),
    description: 'The token, and playback URLs that carry it.',
  },
  errors: ['invalid_request', 'not_authenticated', 'recording_not_found', 'body_too_large', 'unsupported_media_type'],
});
