/** What every page stands in: the bar on top, the page below. */
import { Outlet } from '@tanstack/react-router';
import { t } from '../text/text.ts';
import { Bar } from './bar.tsx';
import classes from './root.module.css';

export function Root() {
  return (
    <>
      <a className={classes.skip} href="#content">
        {t('app.skip')}
      </a>
      <Bar />
      <main id="content" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}
