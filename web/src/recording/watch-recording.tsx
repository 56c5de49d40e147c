/** The page of one recording: the picture, what it is, and links to it. */
import type { PublicRecording } from '@millrace/contract/entities/recording';
import { useState } from 'react';
import IconCopy from '~icons/copy';
import IconDownload from '~icons/download';
import { Heading } from '../parts/heading.tsx';
import { type DownloadState, useDownload } from '../parts/use-download.ts';
import classes from '../player/player-page.module.css';
import { PlayerView } from '../player/player-view.tsx';
import { usePlayTime } from '../player/use-play-time.ts';
import { usePlayer } from '../player/use-player.ts';
import { copyText } from '../share/copy-text.ts';
import { elapsed, percent, when } from '../text/format.ts';
import { t } from '../text/text.ts';
import own from './watch-recording.module.css';

/** To the player a recording is a broadcast that always runs. */
const BROADCAST = { status: 'live', epoch: null } as const;
const FACTS = { endedAt: null, reconnectUntil: null, offline: false } as const;

/** Before this much, a link to the moment is a link to the beginning. */
const LEAST_SECONDS = 5;

export interface WatchRecordingProps {
  readonly recording: PublicRecording;
  readonly startAt: number;
}

export function WatchRecording({ recording, startAt }: WatchRecordingProps) {
  const { id, title, startedAt, hasPoster, playback, isOwner } = recording;
  const [start] = useState({ startAt: Math.min(startAt, Math.max(0, recording.seconds - 1)) });
  const time = { type: 'recording', storyboard: playback.storyboard } as const;
  const player = usePlayer({ hls: playback.hls, broadcast: BROADCAST, recording: start });
  return (
    <div className={classes.page}>
      <div className={classes.stage}>
        <div className={classes.frame}>
          <PlayerView
            live={player}
            seed={id}
            title={title}
            poster={hasPoster ? playback.poster : undefined}
            facts={FACTS}
            time={time}
            shortcuts
            heading={<p className={classes.overTitle}>{title}</p>}
          />
        </div>
      </div>
      <div className={classes.below}>
        <div className={classes.words}>
          <Heading title={title}>
            <span>{when(startedAt)}</span>
            <span>{elapsed(recording.seconds * 1000)}</span>
          </Heading>
        </div>
        <div className={own.actions}>
          <CopyLink page={playback.page} video={player.video} />
          {isOwner && <Download recording={recording} />}
        </div>
      </div>
    </div>
  );
}

function Download({ recording }: { readonly recording: PublicRecording }) {
  const { download, start } = useDownload(recording);
  return (
    <button type="button" className={`${classes.share} figures`} onClick={start} aria-disabled={download.state === 'preparing' || undefined}>
      <IconDownload size={20} stroke={1.75} />
      <span aria-live="polite">{downloadText(download)}</span>
    </button>
  );
}

function downloadText(download: DownloadState): string {
  if (download.state !== 'preparing') return t(download.state === 'failed' ? 'library.failed' : 'library.download');
  return download.task === null ? t('library.download.preparing') : t('library.download.share', { share: percent(download.task.share) });
}

/** How long "Link copied" stays. */
const SAID_MS = 2500;

function CopyLink({ page, video }: { readonly page: string; readonly video: HTMLVideoElement | null }) {
  const { at } = usePlayTime(video);
  const [copied, setCopied] = useState(false);
  const seconds = Math.floor(at);
  const copy = async () => {
    const link = new URL(page);
    if (seconds >= LEAST_SECONDS) link.searchParams.set('t', String(seconds));
    if (!(await copyText(link.href))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), SAID_MS);
  };
  const label = seconds >= LEAST_SECONDS ? t('recording.copyAt', { at: elapsed(seconds * 1000) }) : t('library.copy');
  return (
    <button type="button" className={`${classes.share} figures`} onClick={() => void copy()}>
      <IconCopy size={20} stroke={1.75} />
      <span aria-live="polite">{copied ? t('library.copied') : label}</span>
    </button>
  );
}
