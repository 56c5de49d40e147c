/** The webhooks of this identity: the list, and adding one. */
import { Button } from '@mantine/core';
import type { WebhookWithSecret } from '@millrace/contract/entities/webhook';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useServices } from '../parts/services.tsx';
import { t } from '../text/text.ts';
import { SecretDialog } from './secret-dialog.tsx';
import classes from './settings.module.css';
import { WebhookCard } from './webhook-card.tsx';
import { WebhookForm } from './webhook-form.tsx';

/** The server allows ten: one page has them all. */
const MOST = 20;

export function Webhooks() {
  const { client, guest } = useServices();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [shown, setShown] = useState<WebhookWithSecret>();
  // Who never had an identity has no webhooks, and need not become a guest to learn it.
  const known = guest.token !== undefined;
  const webhooks = useQuery({ queryKey: ['webhooks'], enabled: known, queryFn: ({ signal }) => client.calls.listWebhooks({ query: { limit: MOST }, signal }) });
  const items = webhooks.data?.items ?? [];
  const reveal = (made: WebhookWithSecret) => {
    setAdding(false);
    setShown(made);
    void queries.invalidateQueries({ queryKey: ['webhooks'] });
  };

  return (
    <section aria-labelledby="webhooks" className={classes.section}>
      <header className={classes.head}>
        <div>
          <h2 id="webhooks">{t('webhooks.title')}</h2>
          <p className={classes.quiet}>{t('webhooks.lead')}</p>
        </div>
        {items.length > 0 && <Button onClick={() => setAdding(true)}>{t('webhooks.add')}</Button>}
      </header>
      {known && webhooks.isPending && (
        <div role="status" aria-label={t('app.loading')} className={classes.list}>
          <div className={classes.bone} />
          <div className={classes.bone} />
        </div>
      )}
      {webhooks.isError && (
        <div role="alert" className={classes.notice}>
          <p>{t('webhooks.error')}</p>
          <Button variant="default" onClick={() => void webhooks.refetch()}>
            {t('app.retry')}
          </Button>
        </div>
      )}
      {(!known || webhooks.isSuccess) && items.length === 0 && (
        <div className={classes.notice}>
          <p>
            <strong>{t('webhooks.empty.title')}</strong> <span className={classes.quiet}>{t('webhooks.empty.text')}</span>
          </p>
          <Button onClick={() => setAdding(true)}>{t('webhooks.add')}</Button>
        </div>
      )}
      {items.length > 0 && (
        <ul className={classes.list}>
          {items.map((webhook) => (
            <li key={webhook.id}>
              <WebhookCard webhook={webhook} reveal={reveal} />
            </li>
          ))}
        </ul>
      )}
      {adding && <WebhookForm close={() => setAdding(false)} made={reveal} />}
      {shown && <SecretDialog secret={shown.secret} close={() => setShown(undefined)} />}
    </section>
  );
}
