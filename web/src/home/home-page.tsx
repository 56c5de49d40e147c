/** `/`: the code field, the way to go live, and what is live now. */
import { Link } from '@tanstack/react-router';
import { CodeField } from '../parts/code-field.tsx';
import { useTitle } from '../parts/use-title.ts';
import { t } from '../text/text.ts';
import classes from './home-page.module.css';
import { LiveNow } from './live-now.tsx';

export function HomePage() {
  useTitle(undefined);
  return (
    <div className={classes.page}>
      <section className={classes.begin}>
        <h1 className={classes.title}>{t('home.title')}</h1>
        <p id="code-lead" className={classes.lead}>
          {t('home.lead')}
        </p>
        <CodeField describedBy="code-lead" />
        <div className={classes.or} aria-hidden="true">
          <span>{t('home.or')}</span>
        </div>
        <Link to="/live" className={classes.goLive}>
          {t('app.goLive')}
        </Link>
        <p className={classes.aside}>{t('home.goLive.lead')}</p>
      </section>
      <LiveNow />
    </div>
  );
}
