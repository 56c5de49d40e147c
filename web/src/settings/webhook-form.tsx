/** Asks for the address and the events of a new webhook. */
import { Button, Checkbox, Modal, TextInput } from '@mantine/core';
import { ApiError } from '@millrace/client/api-error';
import type { WebhookWithSecret } from '@millrace/contract/entities/webhook';
import { SubscribableEvent } from '@millrace/contract/events/webhook';
import { MAX_WEBHOOK_URL_LENGTH } from '@millrace/contract/limits';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useServices } from '../parts/services.tsx';
import { t } from '../text/text.ts';
import classes from './settings.module.css';

export interface WebhookFormProps {
  readonly close: () => void;
  readonly made: (webhook: WebhookWithSecret) => void;
}

export function WebhookForm({ close, made }: WebhookFormProps) {
  const { client, guest } = useServices();
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [events, setEvents] = useState<readonly SubscribableEvent[]>(['broadcast.started', 'broadcast.ended']);
  const [checked, setChecked] = useState(false);
  const create = useMutation({ mutationFn: () => guest.as(() => client.calls.createWebhook({ body: { url, description, events: [...events] } })), onSuccess: made });
  const isAddress = URL.canParse(url.trim()) && /^https?:$/.test(new URL(url.trim()).protocol);
  const refused = create.error instanceof ApiError && (create.error.code === 'address_not_allowed' || create.error.fields.some(({ path }) => path === 'url'));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (isAddress && events.length > 0) create.mutate();
  };
  const toggle = (event: SubscribableEvent) => setEvents((before) => (before.includes(event) ? before.filter((other) => other !== event) : [...before, event]));

  return (
    <Modal opened onClose={close} title={t('webhooks.add')} size={520} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <form className={classes.form} onSubmit={submit} noValidate>
        <TextInput
          label={t('webhooks.url')}
          description={t('webhooks.url.text')}
          type="url"
          inputMode="url"
          autoComplete="off"
          placeholder="https://example.org/hook"
          maxLength={MAX_WEBHOOK_URL_LENGTH}
          value={url}
          onChange={(event) => {
            setUrl(event.currentTarget.value);
            setChecked(false);
            create.reset();
          }}
          error={checked && !isAddress ? t('webhooks.url.bad') : refused && create.error ? sentenceOf(create.error) : undefined}
          data-autofocus
        />
        <TextInput
          label={t('webhooks.description')}
          description={t('webhooks.description.text')}
          maxLength={120}
          autoComplete="off"
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <Checkbox.Group label={t('webhooks.events')} value={[...events]} error={checked && events.length === 0 ? t('webhooks.events.none') : undefined}>
          <div className={classes.events}>
            {SubscribableEvent.options.map((event) => (
              <Checkbox key={event} value={event} label={t(`webhooks.event.${event}`)} onChange={() => toggle(event)} />
            ))}
          </div>
        </Checkbox.Group>
        {create.error && !refused && (
          <p role="alert" className={classes.warn}>
            {sentenceOf(create.error)}
          </p>
        )}
        <div className={classes.answers}>
          <Button variant="default" onClick={close}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('webhooks.create')}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function sentenceOf(error: Error): string {
  if (!(error instanceof ApiError)) return t('webhooks.error');
  const [field] = error.fields;
  return field ? `${t('webhooks.url')}: ${field.message}.` : error.message;
}
