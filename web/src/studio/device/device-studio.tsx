/** Going live from this device: the picture, one round button, and what happens said in words. */
import type { CaptureNote } from '@millrace/client/capture/capture';
import { type PublishQuality, QUALITY_LIMITS } from '@millrace/client/publish/limits';
import type { StreamWithAddresses } from '@millrace/contract/rest/streams';
import { useEffect, useRef, useState } from 'react';
import { useLiveSocket } from '../../player/use-live-socket.ts';
import { ShareDialog } from '../../share/share-dialog.tsx';
import { SharePanel } from '../../share/share-panel.tsx';
import { when } from '../../text/format.ts';
import { t } from '../../text/text.ts';
import { EndDialog } from '../end-dialog.tsx';
import { DeviceControls } from './device-controls.tsx';
import { DeviceMenu } from './device-menu.tsx';
import { DeviceStage } from './device-stage.tsx';
import classes from './device-studio.module.css';
import { lastQuality, rememberQuality } from './last-quality.ts';
import { wasOnAir } from './on-air.ts';
import { useBroadcast } from './use-broadcast.ts';
import { useCapture } from './use-capture.ts';
import { useWakeLock } from './use-wake-lock.ts';

/** How long the page says what happened. */
const NOTE_MS = 9000;

type Note = CaptureNote | 'reload' | 'back';

export function DeviceStudio({ addresses }: { readonly addresses: StreamWithAddresses }) {
  const { stream, ingest, playback } = addresses;
  const [dialog, setDialog] = useState<'menu' | 'share' | 'end'>();
  const [quality, setQuality] = useState<PublishQuality>(lastQuality);
  const [note, say] = useNote();
  const { capture, snapshot } = useCapture(say);
  const live = useLiveSocket({ streamId: stream.id });
  const broadcast = useBroadcast({ streamId: stream.id, whip: ingest.whip.url, media: snapshot?.stream, quality });
  const state = broadcast.snapshot?.state;
  const onAir = state === 'connecting' || state === 'live' || state === 'reconnecting';
  const status = live.status?.status ?? stream.status;
  const waiting = !onAir && status === 'reconnecting';
  useWakeLock(onAir);
  useContinue({ streamId: stream.id, may: status === 'live' || status === 'reconnecting', ready: snapshot?.stream !== undefined, goLive: broadcast.goLive, say });
  useReturned(state, say);
  useEffect(() => void capture?.capture(QUALITY_LIMITS[quality].maxHeight ?? 720), [capture, quality]);

  const endedAt = live.status?.status === 'ended' ? live.status.endedAt : null;
  return (
    <div className={classes.page}>
      <DeviceStage
        stream={stream}
        snapshot={snapshot}
        broadcast={broadcast.snapshot}
        live={live}
        retry={() => void capture?.start()}
        message={messageOf({ note, broadcast, waiting, endedAt: onAir ? null : endedAt })}
      >
        {capture && snapshot && (
          <DeviceControls
            capture={capture}
            snapshot={snapshot}
            onAir={onAir}
            waiting={waiting}
            previewing={onAir && status === 'preview'}
            streamId={stream.id}
            goLive={() => void broadcast.goLive()}
            open={setDialog}
          />
        )}
      </DeviceStage>
      <aside className={classes.side} aria-labelledby="share">
        <h1>{stream.title}</h1>
        <h2 id="share">{t('studio.share')}</h2>
        <SharePanel title={stream.title} code={stream.code} link={playback.page} side />
      </aside>
      {dialog === 'menu' && capture && snapshot && (
        <DeviceMenu
          capture={capture}
          snapshot={snapshot}
          quality={quality}
          chooseQuality={(chosen) => {
            rememberQuality(chosen);
            setQuality(chosen);
          }}
          close={() => setDialog(undefined)}
        />
      )}
      {dialog === 'share' && <ShareDialog title={stream.title} code={stream.code} link={playback.page} close={() => setDialog(undefined)} />}
      {dialog === 'end' && <EndDialog text={t('device.end.text')} records={stream.record && status !== 'preview'} end={broadcast.end} close={() => setDialog(undefined)} />}
    </div>
  );
}

/** What the page says over the picture: a trouble for as long as it lasts, a happening for a moment. */
function messageOf({
  note,
  broadcast: { snapshot, error },
  waiting,
  endedAt,
}: {
  readonly note: Note | undefined;
  readonly broadcast: Pick<ReturnType<typeof useBroadcast>, 'snapshot' | 'error'>;
  readonly waiting: boolean;
  readonly endedAt: string | null;
}): string | undefined {
  if (error) return t('device.failed.start');
  if (snapshot?.state === 'failed' && snapshot.reason) return t(`device.reason.${snapshot.reason}`);
  if (snapshot?.state === 'reconnecting') return t('device.reconnecting');
  if (snapshot?.state === 'connecting') return snapshot.reason ? t(`device.reason.${snapshot.reason}`) : t('device.connecting');
  if (waiting) return t('device.waiting');
  if (endedAt) return t('device.ended', { time: when(endedAt) });
  return note && t(`device.note.${note}`);
}

function useNote(): readonly [note: Note | undefined, say: (note: Note) => void] {
  const [note, setNote] = useState<{ readonly what: Note }>();
  useEffect(() => {
    if (!note) return;
    const timer = setTimeout(() => setNote(undefined), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);
  const say = useRef((what: Note) => setNote({ what })).current;
  return [note?.what, say];
}

/** After a reload in the middle of a broadcast: goes on as soon as there is a picture, without a tap. */
function useContinue({
  streamId,
  may,
  ready,
  goLive,
  say,
}: {
  readonly streamId: string;
  readonly may: boolean;
  readonly ready: boolean;
  readonly goLive: () => Promise<void>;
  readonly say: (note: Note) => void;
}): void {
  const was = useRef(wasOnAir(streamId));
  useEffect(() => {
    if (!was.current || !ready || !may) return;
    was.current = false;
    void goLive().then(() => say('reload'));
  }, [ready, may, goLive, say]);
}

/** Says that the connection is back. */
function useReturned(state: string | undefined, say: (note: Note) => void): void {
  const before = useRef(state);
  useEffect(() => {
    if (before.current === 'reconnecting' && state === 'live') say('back');
    before.current = state;
  }, [state, say]);
}
