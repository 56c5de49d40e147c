/** A page with a player before the answer: the shape of what comes. */
import { t } from '../text/text.ts';
import classes from './player-page.module.css';

export function PlayerPageSkeleton() {
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
