/** One recording in the library: its poster, what it is, and what can be done with it. */
import { Menu } from '@mantine/core';
import type { Recording, RecordingProblem } from '@millrace/contract/entities/recording';
import { Visibility } from '@millrace/contract/entities/stream';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import IconCopy from '~icons/copy';
import IconDots from '~icons/dots';
import IconDownload from '~icons/download';
import IconPencil from '~icons/pencil';
import IconTrash from '~icons/trash';
import { IconButton } from '../parts/icon-button.tsx';
import { Poster } from '../parts/poster.tsx';
import { type DownloadState, useDownload } from '../parts/use-download.ts';
import { copyText } from '../share/copy-text.ts';
import { elapsed, fileSize, when } from '../text/format.ts';
import { t } from '../text/text.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import classes from './recording-card.module.css';
import { RenameDialog } from './rename-dialog.tsx';
import { TaskState } from './task-state.tsx';
import { UploadState } from './upload-state.tsx';
import { useRecordingChanges } from './use-recordings.ts';

const ICON = { size: 18, stroke: 1.75 } as const;
const VISIBILITIES: readonly Visibility[] = ['public', 'unlisted', 'private'];

/** How long "Link copied" stays. */
const SAID_MS = 2500;

export function RecordingCard({ recording }: { readonly recording: Recording }) {
  const [dialog, setDialog] = useState<'rename' | 'delete'>();
  const [said, setSaid] = useState('');
  const changes = useRecordingChanges(recording);
  const { download, start } = useDownload(recording);
  const hasFailed = changes.change.isError || download.state === 'failed';
  const close = () => setDialog(undefined);
  const copy = async () => {
    if (!(await copyText(recording.playback.page))) return;
    setSaid(t('library.copied'));
    setTimeout(() => setSaid(''), SAID_MS);
  };
  const isReady = recording.state === 'ready';
  return (
    <article className={classes.card}>
      <Picture recording={recording} />
      <div className={classes.line}>
        <div className={classes.words}>
          <h2 className={classes.title}>{recording.title}</h2>
          <p className={`${classes.facts} figures`}>
            <span>{when(recording.startedAt)}</span>
            {recording.bytes > 0 && <span>{fileSize(recording.bytes)}</span>}
            <span>{t(`library.visibility.${recording.visibility}`)}</span>
            {recording.storage.upload?.state === 'uploaded' && <span>{t('library.upload.done')}</span>}
          </p>
        </div>
        <Menu position="bottom-end" width={220} withInitialFocusPlaceholder={false}>
          <Menu.Target>
            <IconButton label={t('library.actions', { title: recording.title })}>
              <IconDots size={20} stroke={1.75} />
            </IconButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconPencil {...ICON} />} onClick={() => setDialog('rename')}>
              {t('library.rename')}
            </Menu.Item>
            {isReady && (
              <Menu.Item leftSection={<IconCopy {...ICON} />} onClick={() => void copy()}>
                {t('library.copy')}
              </Menu.Item>
            )}
            {isReady && !recording.storage.elsewhere && (
              <Menu.Item onClick={start} disabled={download.state === 'preparing'} leftSection={<IconDownload {...ICON} />}>
                {t('library.download')}
              </Menu.Item>
            )}
            <Menu.Divider />
            <Menu.Label>{t('library.visibility')}</Menu.Label>
            <Menu.RadioGroup value={recording.visibility} onChange={(value) => changes.change.mutate({ visibility: Visibility.parse(value) })}>
              {VISIBILITIES.map((visibility) => (
                <Menu.RadioItem key={visibility} value={visibility} closeMenuOnClick>
                  {t(`library.visibility.${visibility}`)}
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
            {recording.state !== 'recording' && (
              <>
                <Menu.Divider />
                <Menu.Item leftSection={<IconTrash {...ICON} />} onClick={() => setDialog('delete')}>
                  {t('library.delete')}
                </Menu.Item>
              </>
            )}
          </Menu.Dropdown>
        </Menu>
      </div>
      {recording.problem && <p className={classes.problem}>{problemText(recording.problem, isReady)}</p>}
      {isReady && recording.storage.elsewhere && <p className={classes.said}>{t('library.elsewhere')}</p>}
      <Tasks recording={recording} download={download} />
      {recording.storage.upload && <UploadState title={recording.title} upload={recording.storage.upload} />}
      <p role="status" className={said || hasFailed ? classes.said : 'sr-only'}>
        {hasFailed ? t('library.failed') : said}
      </p>
      {dialog === 'rename' && <RenameDialog recording={recording} change={changes.change} close={close} />}
      {dialog === 'delete' && <DeleteDialog recording={recording} remove={changes.remove} close={close} />}
    </article>
  );
}

/** What the server says takes long; else what this page waits for. */
function Tasks({ recording: { title, task }, download }: { readonly recording: Recording; readonly download: DownloadState }): ReactNode {
  if (task) return <TaskState title={title} kind={task.kind} task={task} />;
  return download.state === 'preparing' && <TaskState title={title} kind="download" task={download.task} />;
}

/** What happened, what it means and what to do. */
function problemText(problem: RecordingProblem, isReady: boolean): string {
  if (!isReady && (problem === 'disk_full' || problem === 'quota_reached' || problem === 'interrupted')) return t(`library.nothingKept.${problem}`);
  return t(`library.problem.${problem}`);
}

function Picture({ recording }: { readonly recording: Recording }): ReactNode {
  const { id, title, state, seconds, playback, task, hasPoster } = recording;
  const poster = <Poster seed={id} picture={hasPoster ? playback.poster : undefined} className={classes.poster ?? ''} />;
  if (state !== 'ready') {
    const badge = state === 'failed' ? 'library.failedRecording' : task?.kind === 'repair' ? 'library.repairing' : 'library.recording';
    return (
      <div className={classes.picture}>
        {poster}
        <span className={`${classes.badge} on-picture`}>{t(badge)}</span>
      </div>
    );
  }
  const token = new URL(playback.page, location.href).searchParams.get('token');
  return (
    <Link
      to="/v/$id"
      params={{ id }}
      search={token === null ? {} : { token }}
      className={classes.picture}
      aria-label={t('library.play', { title, length: elapsed(seconds * 1000) })}
    >
      {poster}
      <span className={`${classes.badge} on-picture figures`}>{elapsed(seconds * 1000)}</span>
    </Link>
  );
}
