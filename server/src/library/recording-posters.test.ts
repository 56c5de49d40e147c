import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import type { StoredRecording } from '../store/recordings.ts';
import { RecordingPosters } from './recording-posters.ts';

test('a recording that can be played is looked into once; one that is being made, or lies elsewhere, has no picture to show yet', async () => {
  const at = new Date(0);
  const stored: StoredRecording = {
    ...{ id: 'one', ownerId: 'owner', streamId: null, broadcastId: 'broadcast', title: 'Harbour', visibility: 'unlisted', state: 'ready', problem: null },
    ...{ seconds: 60, bytes: 100, startedAt: at, endedAt: at, updatedAt: at, uploadedAt: null, isLocal: true, serverId: 'here' },
  };
  const asked: string[] = [];
  const posters = new RecordingPosters({
    clock: new FakeClock(),
    path: 'pictures/poster.jpg',
    isElsewhere: ({ serverId }) => serverId !== 'here',
    filesOf: (id) => ({
      async has(path) {
        asked.push(`${id}/${path}`);
        return id === 'one';
      },
    }),
  });
  expect(await posters.has({ ...stored, state: 'recording' })).toBe(false);
  expect(await posters.has({ ...stored, serverId: 'there' })).toBe(false);
  expect(asked).toEqual([]);
  for (let times = 0; times < 2; times++) {
    expect(await posters.has(stored)).toBe(true);
    expect(await posters.has({ ...stored, id: 'sound' })).toBe(false);
  }
  expect(asked).toEqual(['one/pictures/poster.jpg', 'sound/pictures/poster.jpg']);
});
