/** How to install the authority, one fold for each system; this device's own stands open. */
import { Button } from '@mantine/core';
import { Steps } from '../parts/steps.tsx';
import { t } from '../text/text.ts';
import { SYSTEMS, type System, systemOf } from './system.ts';
import classes from './trust-page.module.css';

/** Where the server serves its authority, in the form that the system takes best. */
const CERTIFICATE = '/ca.crt';
const PROFILE = '/ca.mobileconfig';

/** @param name of the authority, as lists show it. */
function stepsOf(system: System, name: string): readonly string[] {
  switch (system) {
    case 'ios':
      return [t('trust.ios.1'), t('trust.ios.2'), t('trust.ios.3'), t('trust.ios.4', { name })];
    case 'android':
      return [t('trust.android.1'), t('trust.android.2'), t('trust.android.3')];
    case 'macos':
      return [t('trust.macos.1'), t('trust.macos.2', { name }), t('trust.macos.3')];
    case 'windows':
      return [t('trust.windows.1'), t('trust.windows.2'), t('trust.windows.3')];
    case 'linux':
      return [t('trust.linux.1'), t('trust.linux.2'), t('trust.linux.3')];
    case 'firefox':
      return [t('trust.firefox.1'), t('trust.firefox.2'), t('trust.firefox.3')];
  }
}

export function InstallSteps({ name }: { readonly name: string }) {
  const own = systemOf(navigator.userAgent, navigator.maxTouchPoints);
  const ordered = [own, ...SYSTEMS.filter((system) => system !== own)];
  return (
    <div className={classes.systems}>
      {ordered.map((system) => (
        <details key={system} className={classes.system} open={system === own}>
          <summary>
            <span>{t(`trust.${system}`)}</span>
            {system === own && <span className={classes.own}>{t('trust.device')}</span>}
          </summary>
          <Steps steps={stepsOf(system, name)} />
          <Button component="a" href={system === 'ios' ? PROFILE : CERTIFICATE} variant={system === own ? 'filled' : 'default'}>
            {system === 'ios' ? t('trust.download.profile') : t('trust.download')}
          </Button>
        </details>
      ))}
    </div>
  );
}
