/** The bar on top: the name, the theme and the way to go live. */
import { useMantineColorScheme } from '@mantine/core';
import { Link, useLocation } from '@tanstack/react-router';
import IconMoon from '~icons/moon';
import IconSettings from '~icons/settings';
import IconSun from '~icons/sun';
import { IconButton } from '../parts/icon-button.tsx';
import { t } from '../text/text.ts';
import classes from './bar.module.css';

export function Bar() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { pathname } = useLocation();
  const dark = colorScheme !== 'light';
  return (
    <header className={classes.bar} data-page={pathname.startsWith('/w/') || pathname.startsWith('/v/') ? 'watch' : undefined}>
      <Link to="/" className={classes.name} aria-label={t('app.home')}>
        <svg viewBox="0 0 28 20" width="28" height="20" aria-hidden="true" className={classes.mark}>
          <path d="M2 6c4-4 8-4 12 0s8 4 12 0" />
          <path d="M2 14c4-4 8-4 12 0s8 4 12 0" />
        </svg>
        <span>{t('app.name')}</span>
      </Link>
      <div className={classes.actions}>
        <Link to="/settings" className={classes.icon} aria-label={t('settings.open')} title={t('settings.open')}>
          <IconSettings size={20} stroke={1.75} />
        </Link>
        <IconButton label={dark ? t('app.theme.light') : t('app.theme.dark')} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
          {dark ? <IconSun size={20} stroke={1.75} /> : <IconMoon size={20} stroke={1.75} />}
        </IconButton>
        <Link to="/library" className={classes.library}>
          {t('app.library')}
        </Link>
        {pathname !== '/' && !pathname.startsWith('/live') && (
          <Link to="/live" className={classes.goLive}>
            {t('app.goLive')}
          </Link>
        )}
      </div>
    </header>
  );
}
