/** Why there is no picture of this device, and what to do about it. */
import { Button } from '@mantine/core';
import type { CaptureProblem } from '@millrace/client/capture/capture-problem';
import { t } from '../../text/text.ts';
import classes from './device-stage.module.css';

export function CaptureTrouble({ problem, retry }: { readonly problem: CaptureProblem; readonly retry: () => void }) {
  return (
    <div className={classes.trouble} role="alert">
      <h2>{t(`device.problem.${problem}`)}</h2>
      <p>{t(`device.problem.${problem}.do`)}</p>
      {problem === 'insecure' ? (
        <Button component="a" href="/trust">
          {t('device.trust')}
        </Button>
      ) : (
        <Button onClick={retry}>{t('app.retry')}</Button>
      )}
    </div>
  );
}
