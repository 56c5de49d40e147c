/** Says on air that the broadcast is being recorded, or why it is not any more. Nothing where nothing was to be kept. */
import IconAlertTriangle from '~icons/alert-triangle';
import IconPlayerRecord from '~icons/player-record';
import type { RecordingEvent } from '../player/use-live-socket.ts';
import { t } from '../text/text.ts';
import classes from './recording-sign.module.css';

export function RecordingSign({ recording }: { readonly recording: RecordingEvent | undefined }) {
  const said = recording && textOf(recording);
  const isRunning = recording?.state === 'recording';
  const Icon = isRunning ? IconPlayerRecord : IconAlertTriangle;
  return (
    <span role="status" className={said ? classes.sign : 'sr-only'} data-stopped={isRunning ? undefined : true}>
      {said && <Icon size={15} stroke={2} aria-hidden="true" />}
      {said}
    </span>
  );
}

/** What befell it while the broadcast goes on. */
function textOf({ state, problem }: RecordingEvent): string | undefined {
  if (state === 'recording') return t('studio.recorded');
  if (problem === null || problem === 'interrupted' || problem === 'damaged') return undefined;
  return t(`studio.recorded.${state === 'failed' ? 'none' : 'stopped'}.${problem}`);
}
