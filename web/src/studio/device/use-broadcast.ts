/** A broadcast from this device as state of a page: begins, follows camera and quality, goes on after a reload, ends. */
import type { CaptureSnapshot } from '@millrace/client/capture/capture';
import { type PublishQuality, QUALITY_LIMITS } from '@millrace/client/publish/limits';
import { type Publisher, type PublisherSnapshot, publish } from '@millrace/client/publish/publisher';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useServices } from '../../parts/services.tsx';
import { keepKey, keptKey } from '../key-store.ts';
import { forgetOnAir, rememberOnAir } from './on-air.ts';

export interface BroadcastOptions {
  readonly streamId: string;
  readonly whip: string;
  readonly media: CaptureSnapshot['stream'];
  readonly quality: PublishQuality;
}

export interface DeviceBroadcast {
  /** Undefined before the first tap and after the end. */
  readonly snapshot: PublisherSnapshot | undefined;
  readonly error: Error | undefined;
  readonly goLive: () => Promise<void>;
  readonly end: (keepRecording: boolean) => Promise<void>;
}

export function useBroadcast({ streamId, whip, media, quality }: BroadcastOptions): DeviceBroadcast {
  const { client } = useServices();
  const publisher = useRef<Publisher>(undefined);
  const starting = useRef(false);
  const [snapshot, setSnapshot] = useState<PublisherSnapshot>();
  const [error, setError] = useState<Error>();

  const goLive = useCallback(async () => {
    if (!media || publisher.current || starting.current) return;
    starting.current = true;
    setError(undefined);
    try {
      const token = keptKey(streamId) ?? (await client.calls.rotateStreamKey({ params: { id: streamId } })).streamKey;
      keepKey(streamId, token);
      rememberOnAir(streamId);
      publisher.current = publish({
        url: whip,
        token,
        stream: media,
        limits: QUALITY_LIMITS[quality],
        // A reload goes on with the same broadcast: the server waits for us.
        onPageHide: 'keep',
        stillWanted: async () => (await client.calls.getStream({ params: { id: streamId } })).stream.status !== 'ended',
        onChange: (next) => {
          setSnapshot(next);
          if (next.state !== 'ended' && next.state !== 'failed') return;
          publisher.current = undefined;
          forgetOnAir(streamId);
        },
      });
      setSnapshot(publisher.current.snapshot);
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      starting.current = false;
    }
  }, [client, media, quality, streamId, whip]);

  const end = useCallback(
    async (keepRecording: boolean) => {
      forgetOnAir(streamId);
      // The server ends it for viewers at once; without the server our goodbye does, a little later.
      const isKnown = await client.calls.stopStream({ params: { id: streamId }, body: { keepRecording } }).then(
        () => true,
        () => false,
      );
      publisher.current?.end({ isKnown });
    },
    [client, streamId],
  );

  useEffect(() => {
    if (media) void publisher.current?.replaceStream(media);
  }, [media]);
  useEffect(() => void publisher.current?.limit(QUALITY_LIMITS[quality]), [quality]);
  // Leaving for another page of ours leaves the broadcast, which waits a moment for its publisher.
  useEffect(() => () => publisher.current?.end(), []);

  return { snapshot, error, goLive, end };
}
