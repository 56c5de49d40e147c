/** One webhook: where it leads, how it is doing, what can be done with it. */
import { Button, Menu, Modal } from '@mantine/core';
import type { Webhook, WebhookWithSecret } from '@millrace/contract/entities/webhook';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import IconDots from '~icons/dots';
import { IconButton } from '../parts/icon-button.tsx';
import { useServices } from '../parts/services.tsx';
import { when } from '../text/format.ts';
import { t } from '../text/text.ts';
import { Deliveries } from './deliveries.tsx';
import classes from './settings.module.css';

export interface WebhookCardProps {
  readonly webhook: Webhook;
  /** Shows a new secret. */
  readonly reveal: (webhook: WebhookWithSecret) => void;
}

export function WebhookCard({ webhook, reveal }: WebhookCardProps) {
  const { client } = useServices();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState<'delete' | 'rotate'>();
  const { id, disabledBecause, failingSince } = webhook;
  const params = { id };
  const changed = () => Promise.all([queries.invalidateQueries({ queryKey: ['webhooks'] }), queries.invalidateQueries({ queryKey: ['deliveries', id] })]);
  const toggle = useMutation({ mutationFn: () => client.calls.updateWebhook({ params, body: { enabled: disabledBecause !== null } }), onSettled: changed });
  const send = useMutation({ mutationFn: () => client.calls.testWebhook({ params }), onSuccess: () => setOpen(true), onSettled: changed });
  const remove = useMutation({ mutationFn: () => client.calls.deleteWebhook({ params }), onSettled: changed });
  const rotate = useMutation({ mutationFn: () => client.calls.rotateWebhookSecret({ params }), onSuccess: reveal });
  const failure = toggle.error ?? send.error ?? remove.error ?? rotate.error;
  const answer = asking === 'delete' ? remove : rotate;

  return (
    <article className={classes.card} aria-label={webhook.description || webhook.url}>
      <div className={classes.row}>
        <div className={classes.words}>
          {webhook.description && <h3 className={classes.name}>{webhook.description}</h3>}
          <span className={`${classes.url} mono`}>{webhook.url}</span>
        </div>
        <span className={classes.state} data-state={disabledBecause ?? 'on'}>
          {t(`webhooks.state.${disabledBecause ?? 'on'}`)}
        </span>
      </div>
      <ul className={classes.chips} aria-label={t('webhooks.events')}>
        {webhook.events.map((event) => (
          <li key={event}>{t(`webhooks.event.${event}`)}</li>
        ))}
      </ul>
      {failingSince !== null && <p className={classes.warn}>{t('webhooks.failingSince', { time: when(failingSince) })}</p>}
      {failure && (
        <p role="alert" className={classes.warn}>
          {failure.message}
        </p>
      )}
      <div className={classes.actions}>
        <Button variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t('webhooks.deliveries')}
        </Button>
        <Button variant="default" loading={send.isPending} disabled={disabledBecause !== null} onClick={() => send.mutate()}>
          {t('webhooks.test')}
        </Button>
        <Menu position="bottom-end">
          <Menu.Target>
            <IconButton label={`${t('settings.open')}: ${webhook.description || webhook.url}`}>
              <IconDots size={20} stroke={1.75} />
            </IconButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => toggle.mutate()}>{t(disabledBecause === null ? 'webhooks.off' : 'webhooks.on')}</Menu.Item>
            <Menu.Item onClick={() => setAsking('rotate')}>{t('webhooks.rotate')}</Menu.Item>
            <Menu.Item onClick={() => setAsking('delete')}>{t('webhooks.delete')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {open && <Deliveries webhook={webhook} />}
      {asking && (
        <Modal opened onClose={() => setAsking(undefined)} title={t(`webhooks.${asking}.title`)} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
          <p className={classes.quiet}>{t(`webhooks.${asking}.text`)}</p>
          <div className={classes.answers}>
            <Button variant="default" onClick={() => setAsking(undefined)} data-autofocus>
              {t('app.cancel')}
            </Button>
            <Button loading={answer.isPending} onClick={() => answer.mutate(undefined, { onSettled: () => setAsking(undefined) })}>
              {t(`webhooks.${asking}`)}
            </Button>
          </div>
        </Modal>
      )}
    </article>
  );
}
