/** How to set OBS, in four steps and a picture. */
import { t } from '../text/text.ts';
import { ObsPicture } from './obs-picture.tsx';
import classes from './obs-steps.module.css';

const STEPS = ['studio.obs.1', 'studio.obs.2', 'studio.obs.3', 'studio.obs.4'] as const;

export function ObsSteps() {
  return (
    <section aria-labelledby="obs" className={classes.obs}>
      <div>
        <h3 id="obs">{t('studio.obs')}</h3>
        <ol className={classes.steps}>
          {STEPS.map((key) => (
            <li key={key}>{t(key)}</li>
          ))}
        </ol>
      </div>
      <ObsPicture />
    </section>
  );
}
