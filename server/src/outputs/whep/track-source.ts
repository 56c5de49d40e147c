/** Where WHEP gets a stream's tracks from: the seam at which other codecs can be put in place of those that browsers do not take by WebRTC. */
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Sink } from '../../stream/sink.ts';

/** The picture as it is published; in H.264 for viewers who lack its codec; or `either`: as published, with smaller sizes of it in H.264. */
export type PictureForm = 'published' | 'h264' | 'either';

export interface TrackSource {
  /**
   * Feeds a sink from the running group of pictures on. `tracks` names only what WebRTC carries; it is called at once or soon.
   * After `close` nothing more is fed.
   */
  open(stream: LiveStream, sink: Sink, form: PictureForm): TrackFeedSource;
}

export interface TrackFeedSource {
  /** Somebody cannot go on without a key frame. */
  requestKeyFrame(): void;
  close(): void;
}

/** The publisher's own tracks, as they are. */
export const publishedTracks: TrackSource = {
  open(stream, sink) {
    const reader = stream.read();
    let isClosed = false;
    const pump = async (): Promise<void> => {
      for await (const item of reader) {
        if (isClosed) return;
        if (item.type === 'tracks') sink.tracks(item.tracks);
        else if (item.type === 'unit') sink.unit(item.unit);
        else sink.pause();
      }
      if (!isClosed) sink.end();
    };
    void pump();
    return {
      requestKeyFrame: () => void stream.requestKeyFrame(),
      close: () => {
        isClosed = true;
        stream.release(reader);
      },
    };
  },
};
