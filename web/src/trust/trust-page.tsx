/** `/trust`: why a device warns of this server's certificate, how to go on once, and how to end the warning for good. */
import { Button } from '@mantine/core';
import type { Trust } from '@millrace/contract/rest/trust';
import { useQuery } from '@tanstack/react-query';
import { Notice } from '../parts/notice.tsx';
import { useServices } from '../parts/services.tsx';
import { useTitle } from '../parts/use-title.ts';
import { CopyField } from '../share/copy-field.tsx';
import { longDate } from '../text/format.ts';
import { t } from '../text/text.ts';
import { InstallSteps } from './install-steps.tsx';
import classes from './trust-page.module.css';

export function TrustPage() {
  useTitle(t('trust.title'));
  const { client } = useServices();
  const trust = useQuery({ queryKey: ['trust'], queryFn: ({ signal }) => client.calls.getTrust({ signal }) });
  if (trust.data) return <Answer trust={trust.data} />;
  if (trust.isPending) {
    return (
      <div className={classes.page} role="status" aria-label={t('app.loading')}>
        <div className={classes.bone} />
      </div>
    );
  }
  return (
    <Notice title={t('trust.error.title')} text={t('trust.error.text')} alert>
      <Button onClick={() => void trust.refetch()}>{t('app.retry')}</Button>
    </Notice>
  );
}

function Answer({ trust: { secureUrl, authority } }: { readonly trust: Trust }) {
  if (secureUrl === null) return <Notice title={t('trust.not.title')} text={t('trust.off.text')} />;
  if (!authority) return <Notice title={t('trust.not.title')} text={t('trust.not.text')} />;
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <h1>{t('trust.title')}</h1>
        <p>{t('trust.lead')}</p>
      </header>
      <section aria-labelledby="once" className={classes.part}>
        <h2 id="once">{t('trust.once.title')}</h2>
        <p className={classes.text}>{t('trust.once.text')}</p>
        <div className={classes.address}>
          <CopyField label={t('trust.once.address')} what={t('trust.what.address')} value={secureUrl} />
          <Button component="a" href={`${secureUrl}/live`}>
            {t('trust.once.open')}
          </Button>
        </div>
        <p>{t('trust.once.warn')}</p>
        <ul className={classes.browsers}>
          <li>{t('trust.once.safari')}</li>
          <li>{t('trust.once.chrome')}</li>
          <li>{t('trust.once.firefox')}</li>
        </ul>
      </section>
      <section aria-labelledby="install" className={classes.part}>
        <h2 id="install">{t('trust.install.title')}</h2>
        <p className={classes.text}>{t('trust.install.text')}</p>
        <InstallSteps name={authority.name} />
      </section>
      <section aria-labelledby="check" className={classes.part}>
        <h2 id="check">{t('trust.check.title')}</h2>
        <p className={classes.text}>{t('trust.check.text')}</p>
        <CopyField label={t('trust.fingerprint')} what={t('trust.what.fingerprint')} value={authority.fingerprint} wrap />
        <p className={classes.text}>
          {authority.name}. {t('trust.until', { date: longDate(authority.expiresAt) })}
        </p>
      </section>
    </div>
  );
}
