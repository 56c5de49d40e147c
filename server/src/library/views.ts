/** What the API shows of a recording: to its owner and to everybody who may watch. */
import type { PublicRecording, Recording, RecordingPlayback, RecordingStorage, RecordingTask } from '@millrace/contract/entities/recording';
import type { StoredRecording } from '../store/recordings.ts';
import type { Origin } from '../streams/addresses.ts';

export function recordingPlaybackOf({ web }: Pick<Origin, 'web'>, { id }: { readonly id: string }, token?: string): RecordingPlayback {
  const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
  return {
    page: `${web}/v/${id}${query}`,
    hls: `${web}/vod/${id}/index.m3u8${query}`,
    dash: `${web}/vod/${id}/manifest.mpd${query}`,
    download: `${web}/vod/${id}/download.mp4${query}`,
    poster: `${web}/vod/${id}/poster.jpg${query}`,
    storyboard: `${web}/vod/${id}/storyboard.vtt${query}`,
  };
}

export interface RecordingNow {
  readonly recording: StoredRecording;
  readonly playback: RecordingPlayback;
  readonly storage: RecordingStorage;
  readonly task: RecordingTask | null;
  readonly hasPoster: boolean;
}

export function viewRecording({ recording, playback, storage, task, hasPoster }: RecordingNow): Recording {
  return {
    id: recording.id,
    streamId: recording.streamId,
    broadcastId: recording.broadcastId,
    title: recording.title,
    visibility: recording.visibility,
    state: recording.state,
    problem: recording.problem,
    seconds: recording.seconds,
    bytes: recording.bytes,
    startedAt: recording.startedAt.toISOString(),
    endedAt: recording.endedAt?.toISOString() ?? null,
    storage,
    task,
    hasPoster,
    playback,
    updatedAt: recording.updatedAt.toISOString(),
  };
}

export function viewPublicRecording({ recording, ...now }: { readonly recording: StoredRecording } & Pick<PublicRecording, 'isOwner' | 'hasPoster' | 'playback'>): PublicRecording {
  const { id, title, seconds, startedAt } = recording;
  return { id, title, seconds, startedAt: startedAt.toISOString(), ...now };
}
