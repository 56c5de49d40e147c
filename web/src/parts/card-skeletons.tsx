/** The shape of cards that are on their way. */
import { t } from '../text/text.ts';
import classes from './card-skeletons.module.css';

/** @param className of the grid that the cards will stand in. */
export function CardSkeletons({ className }: { readonly className: string | undefined }) {
  return (
    <div className={className} role="status" aria-label={t('app.loading')}>
      {['a', 'b', 'c'].map((key) => (
        <div key={key} className={classes.skeleton} />
      ))}
    </div>
  );
}
