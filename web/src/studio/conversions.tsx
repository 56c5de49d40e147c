/** What the server converts for some viewers: what it costs, and how to avoid it. */
import type { BridgeMeasurement } from '@millrace/contract/entities/measurement';
import IconAlertTriangle from '~icons/alert-triangle';
import IconInfoCircle from '~icons/info-circle';
import { t } from '../text/text.ts';
import classes from './conversions.module.css';

export function Conversions({ bridges }: { readonly bridges: readonly BridgeMeasurement[] }) {
  if (bridges.length === 0) return null;
  return (
    <ul className={classes.list} aria-label={t('bridge.list')}>
      {bridges.map((bridge) => (
        <li key={`${bridge.kind} ${bridge.to}`} data-failed={bridge.failed || undefined}>
          {bridge.failed ? <IconAlertTriangle size={20} stroke={1.75} /> : <IconInfoCircle size={20} stroke={1.75} />}
          {t(sentenceOf(bridge))}
        </li>
      ))}
    </ul>
  );
}

function sentenceOf({ kind, to, reason, failed }: BridgeMeasurement) {
  if (kind === 'audio') return failed ? 'bridge.audio.failed' : to === 'opus' ? 'bridge.audio.opus' : 'bridge.audio.aac';
  if (failed) return 'bridge.video.failed';
  return reason === 'B_FRAMES' ? 'bridge.video.bFrames' : 'bridge.video';
}
