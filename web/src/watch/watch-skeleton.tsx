/** The watch page before the answer: the shape of what comes. */
import { t } from '../text/text.ts';
import classes from './watch-stream.module.css';

export function WatchSkeleton() {
  return (
    <div className={classes.page} role="status" aria-label={t('app.loading')}>
      <div className={classes.stage}>
        <div className={classes.frame} />
      </div>
      <div className={classes.below}>
        <div className={classes.bone} />
      </div>
    </div>
  );
}
