/** What hurts viewers, in words: what it means and what to do about it. */
import type { StreamWarning } from '@millrace/contract/entities/measurement';
import IconAlertTriangle from '~icons/alert-triangle';
import IconCircleCheck from '~icons/circle-check';
import { t } from '../text/text.ts';
import classes from './warnings.module.css';

/** @param warnings undefined until something was measured. */
export function Warnings({ warnings }: { readonly warnings: readonly StreamWarning[] | undefined }) {
  if (!warnings) return null;
  if (warnings.length === 0) {
    return (
      <p className={classes.fine}>
        <IconCircleCheck size={20} stroke={1.75} />
        {t('studio.healthy')}
      </p>
    );
  }
  return (
    <section aria-label={t('studio.warnings')}>
      <ul className={classes.list}>
        {warnings.map((warning) => (
          <li key={warning} className={classes.warning}>
            <IconAlertTriangle size={22} stroke={1.75} />
            <div>
              <h2>{t(`warning.${warning}`)}</h2>
              <p>{t(`warning.${warning}.do`)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
