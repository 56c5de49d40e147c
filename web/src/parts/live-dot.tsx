/** The one mark of live: a dot and a word, in the colour that nothing else has. */
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import { t } from '../text/text.ts';
import classes from './live-dot.module.css';

export function StatusBadge({ status }: { readonly status: BroadcastState }) {
  return (
    <span className={classes.badge} data-status={status}>
      <span className={classes.dot} aria-hidden="true" />
      {t(`status.${status}`)}
    </span>
  );
}
