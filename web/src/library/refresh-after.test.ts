import type { Recording, RecordingUpload } from '@millrace/contract/entities/recording';
import { expect, test } from 'vitest';
import { refreshAfter } from './refresh-after.ts';

const AT = '2026-01-01T00:00:00.000Z';

function recording(changes: Partial<Recording>): Recording {
  const playback = { page: '', hls: '', dash: '', download: '', poster: '', storyboard: '' };
  return {
    ...{ id: 'a', streamId: null, broadcastId: 'b', title: 'Harbour', visibility: 'unlisted', state: 'ready', problem: null, seconds: 60, bytes: 1 },
    ...{ startedAt: AT, endedAt: AT, updatedAt: AT, storage: { local: true, elsewhere: false, upload: null }, task: null, hasPoster: false, playback },
    ...changes,
  };
}

function uploading(state: RecordingUpload['state']): Recording {
  return recording({ storage: { local: true, elsewhere: false, upload: { state, sentBytes: 0, totalBytes: 1, secondsLeft: null, problem: null } } });
}

const making = recording({ state: 'recording' });
const elsewhere = recording({ storage: { local: true, elsewhere: true, upload: null } });
const repaired = recording({ task: { kind: 'download', share: 0.5, secondsLeft: 1 } });

test.each([
  ['the socket tells it', { items: [making, uploading('uploading'), repaired], withoutSocketMs: undefined }, false],
  ['one lies where the socket hears nothing of', { items: [recording({}), elsewhere], withoutSocketMs: undefined }, 60_000],
  ['that one is given up', { items: [{ ...elsewhere, state: 'failed' } as const], withoutSocketMs: undefined }, false],
  ['nothing goes on', { items: [recording({}), uploading('uploaded')], withoutSocketMs: 0 }, false],
  ['one is being made', { items: [recording({}), making], withoutSocketMs: 0 }, 4_000],
  ['one is sent', { items: [uploading('uploading')], withoutSocketMs: 7_900 }, 4_000],
  ['something takes long', { items: [repaired], withoutSocketMs: 8_000 }, 8_000],
  ['for a while', { items: [making], withoutSocketMs: 33_000 }, 32_000],
  ['for hours', { items: [making], withoutSocketMs: 9e6 }, 60_000],
  ['one waits', { items: [uploading('waiting')], withoutSocketMs: 0 }, 15_000],
  ['one fails', { items: [uploading('failing')], withoutSocketMs: 20_000 }, 16_000],
  ['it failed to load', { items: [], hasFailed: true, withoutSocketMs: undefined }, 4_000],
  ['it failed to load, again and again', { items: [], hasFailed: true, withoutSocketMs: 40_000 }, 32_000],
])('the list is read again in time when %s', (_, situation, expected) => {
  expect(refreshAfter({ hasFailed: false, ...situation })).toBe(expected);
});
