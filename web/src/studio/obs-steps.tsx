/** How to set OBS, in four steps and a picture. */
import { useId } from 'react';
import { Steps } from '../parts/steps.tsx';
import { t } from '../text/text.ts';
import { ObsPicture } from './obs-picture.tsx';
import classes from './obs-steps.module.css';

export interface ObsStepsProps {
  readonly protocol: 'rtmp' | 'whip';
}

const TITLES = { rtmp: 'studio.obs', whip: 'studio.obs.whip' } as const;

const STEPS = {
  rtmp: ['studio.obs.1', 'studio.obs.2', 'studio.obs.3', 'studio.obs.4'],
  whip: ['studio.obs.whip.1', 'studio.obs.whip.2', 'studio.obs.3', 'studio.obs.4'],
} as const;

export function ObsSteps({ protocol }: ObsStepsProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={classes.obs}>
      <div>
        <h3 id={id}>{t(TITLES[protocol])}</h3>
        <Steps steps={STEPS[protocol].map((key) => t(key))} />
      </div>
      <ObsPicture protocol={protocol} />
    </section>
  );
}
