/** `/settings`: what this identity has set up besides its streams. */
import { useTitle } from '../parts/use-title.ts';
import { t } from '../text/text.ts';
import classes from './settings.module.css';
import { Webhooks } from './webhooks.tsx';

export function SettingsPage() {
  useTitle(t('settings.title'));
  return (
    <div className={classes.page}>
      <h1 className={classes.title}>{t('settings.title')}</h1>
      <Webhooks />
    </div>
  );
}
