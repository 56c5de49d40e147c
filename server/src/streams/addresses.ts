/** Where a stream is published and watched, as URLs that work for whoever asked. */
import type { Ingest, Playback } from '@millrace/contract/entities/stream';

/** What the asker calls this server. */
export interface Origin {
  /** `https://live.example.org`, without a slash at the end. */
  readonly web: string;
  /** `rtmp://live.example.org:1935/live`; undefined while that ingest is off. */
  readonly rtmp: string | undefined;
  readonly rtmps: string | undefined;
}

/** The key only in the answer that made it. */
export function ingestOf({ web, rtmp, rtmps }: Origin, stream: { readonly id: string }, key?: string): Ingest {
  const withKey = key === undefined ? {} : { key };
  return {
    ...(rtmp === undefined ? {} : { rtmp: { url: rtmp, ...withKey } }),
    ...(rtmps === undefined ? {} : { rtmps: { url: rtmps, ...withKey } }),
    whip: { url: `${web}/whip/${stream.id}`, ...(key === undefined ? {} : { token: key }) },
  };
}

export function playbackOf({ web }: Origin, stream: { readonly id: string; readonly code: string }, token?: string): Playback {
  const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
  return {
    page: `${web}/w/${stream.code}${query}`,
    hls: `${web}/hls/${stream.id}/index.m3u8${query}`,
    dash: `${web}/dash/${stream.id}/manifest.mpd${query}`,
    whep: `${web}/whep/${stream.id}${query}`,
    poster: `${web}/hls/${stream.id}/poster.jpg${query}`,
    storyboard: `${web}/hls/${stream.id}/storyboard.vtt${query}`,
  };
}
