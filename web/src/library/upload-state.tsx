/** How far a recording has come on its way into object storage: a thin bar while it goes, a sentence when it does not. */
import type { RecordingUpload } from '@millrace/contract/entities/recording';
import { elapsed, percent } from '../text/format.ts';
import { t } from '../text/text.ts';
import { ProgressBar } from './progress-bar.tsx';
import classes from './upload-state.module.css';

export function UploadState({ title, upload }: { readonly title: string; readonly upload: RecordingUpload }) {
  const { state, sentBytes, totalBytes, secondsLeft } = upload;
  const share = totalBytes > 0 ? Math.min(1, sentBytes / totalBytes) : 0;
  if (state === 'uploaded') return null;
  if (state === 'failing') return <p className={classes.failing}>{t(reasonOf(upload))}</p>;
  if (state === 'waiting') return <p className={classes.line}>{t('library.upload.waiting')}</p>;
  const line = secondsLeft === null ? t('library.upload.share', { share: percent(share) }) : t('library.upload.left', { share: percent(share), left: elapsed(secondsLeft * 1000) });
  return <ProgressBar label={t('library.upload.progress', { title })} share={share} line={line} />;
}

/** What happened, and that nothing is lost. */
function reasonOf({ problem }: RecordingUpload) {
  switch (problem) {
    case 'storage_refused':
    case 'storage_bucket_missing':
      return 'library.upload.refused';
    case 'storage_full':
      return 'library.upload.full';
    case 'storage_unreachable':
      return 'library.upload.unreachable';
    default:
      return 'library.upload.failing';
  }
}
