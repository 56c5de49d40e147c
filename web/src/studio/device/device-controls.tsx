/** The row under the picture: sound, picture, the one round button, the other camera, more. */
import { Button } from '@mantine/core';
import type { Capture, CaptureSnapshot } from '@millrace/client/capture/capture';
import { useMutation } from '@tanstack/react-query';
import IconAdjustments from '~icons/adjustments';
import IconCameraRotate from '~icons/camera-rotate';
import IconMicrophone from '~icons/microphone';
import IconMicrophoneOff from '~icons/microphone-off';
import IconScreenShare from '~icons/screen-share';
import IconShare from '~icons/share-2';
import IconVideo from '~icons/video';
import IconVideoOff from '~icons/video-off';
import { deviceKind } from '../../parts/device.ts';
import { IconButton } from '../../parts/icon-button.tsx';
import { useServices } from '../../parts/services.tsx';
import { t } from '../../text/text.ts';
import classes from './device-controls.module.css';
import { LevelMeter } from './level-meter.tsx';

const ICON = { size: 24, stroke: 1.75 } as const;

export interface DeviceControlsProps {
  readonly capture: Capture;
  readonly snapshot: CaptureSnapshot;
  readonly streamId: string;
  readonly onAir: boolean;
  /** Viewers wait for this broadcast, which nobody sends at the moment. */
  readonly waiting: boolean;
  /** Only the owner sees it so far. */
  readonly previewing: boolean;
  readonly goLive: () => void;
  readonly open: (dialog: 'menu' | 'share' | 'end') => void;
}

export function DeviceControls({ capture, snapshot, streamId, onAir, waiting, previewing, goLive, open }: DeviceControlsProps) {
  const { muted, pictureOff, stream, busy, cameras, source } = snapshot;
  const hasSound = (stream?.getAudioTracks().length ?? 0) > 0;
  const handheld = deviceKind() !== 'desktop';
  return (
    <div className={classes.controls}>
      {previewing && <Start streamId={streamId} />}
      <div className={classes.meter}>
        <LevelMeter stream={stream} muted={muted} />
      </div>
      <div className={classes.row}>
        <IconButton
          label={muted ? t('device.unmute') : t('device.mute')}
          aria-pressed={muted}
          disabled={!hasSound}
          onClick={() => capture.mute(!muted)}
          className={classes.round ?? ''}
        >
          {muted || !hasSound ? <IconMicrophoneOff {...ICON} /> : <IconMicrophone {...ICON} />}
        </IconButton>
        <IconButton
          label={pictureOff ? t('device.picture.on') : t('device.picture.off')}
          aria-pressed={pictureOff}
          disabled={!stream}
          onClick={() => capture.turnPictureOff(!pictureOff)}
          className={classes.round ?? ''}
        >
          {pictureOff ? <IconVideoOff {...ICON} /> : <IconVideo {...ICON} />}
        </IconButton>
        {onAir ? (
          <button type="button" className={classes.main} data-on-air onClick={() => open('end')}>
            <span className={classes.square} aria-hidden="true" />
            <span className={classes.word}>{t('device.end')}</span>
          </button>
        ) : (
          <button type="button" className={classes.main} disabled={!stream} onClick={goLive}>
            <span className={classes.circle} aria-hidden="true" />
            <span className={classes.word}>{waiting ? t('device.continue') : t('app.goLive')}</span>
          </button>
        )}
        {handheld || source === 'screen' || cameras.length > 1 ? (
          <IconButton
            label={source === 'screen' ? t('device.screen.stop') : t('device.flip')}
            disabled={busy}
            onClick={() => void (source === 'screen' ? capture.start() : capture.flip())}
            className={classes.round ?? ''}
          >
            <IconCameraRotate {...ICON} />
          </IconButton>
        ) : (
          <IconButton label={t('device.screen')} disabled={busy} onClick={() => void capture.shareScreen()} className={classes.round ?? ''}>
            <IconScreenShare {...ICON} />
          </IconButton>
        )}
        <IconButton label={t('device.more')} aria-haspopup="dialog" onClick={() => open('menu')} className={classes.round ?? ''}>
          <IconAdjustments {...ICON} />
        </IconButton>
      </div>
      <button type="button" className={classes.share} aria-haspopup="dialog" onClick={() => open('share')}>
        <IconShare size={20} stroke={1.75} />
        {t('share.action')}
      </button>
    </div>
  );
}

function Start({ streamId }: { readonly streamId: string }) {
  const { client } = useServices();
  const start = useMutation({ mutationFn: () => client.calls.startStream({ params: { id: streamId } }) });
  return (
    <div className={classes.start}>
      <Button loading={start.isPending} onClick={() => start.mutate()}>
        {t('studio.start')}
      </Button>
    </div>
  );
}
