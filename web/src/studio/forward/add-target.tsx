/** The form for a service: the server and the key that it shows, and what to call it. */
import { Button, Modal, PasswordInput, TextInput } from '@mantine/core';
import { ApiError } from '@millrace/client/api-error';
import { MAX_TARGET_KEY_LENGTH, MAX_TARGET_NAME_LENGTH } from '@millrace/contract/limits';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useServices } from '../../parts/services.tsx';
import { t } from '../../text/text.ts';
import { AddressInput } from '../address-input.tsx';
import classes from './forward.module.css';

export interface AddTargetProps {
  readonly streamId: string;
  readonly opened: boolean;
  close(): void;
}

export function AddTarget({ streamId, opened, close }: AddTargetProps) {
  return (
    <Modal opened={opened} onClose={close} title={t('forward.add')} size={480} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <Form streamId={streamId} close={close} />
    </Modal>
  );
}

/** Within the dialog, so that it is empty whenever that opens: a key is not left lying about. */
function Form({ streamId, close }: Omit<AddTargetProps, 'opened'>) {
  const { client } = useServices();
  const queries = useQueryClient();
  const [url, setUrl] = useState('');
  const [key, setKey] = useState('');
  const [name, setName] = useState('');
  const add = useMutation({
    mutationFn: () => client.calls.createTarget({ params: { id: streamId }, body: { url, ...(key.trim() !== '' && { key }), ...(name.trim() !== '' && { name }) } }),
    async onSuccess() {
      await queries.invalidateQueries({ queryKey: ['targets', streamId] });
      close();
    },
  });
  const wrong = (field: string) => (add.error instanceof ApiError && add.error.fields.some(({ path }) => path === field) ? add.error.message : undefined);
  const isElsewhere = add.error !== null && !wrong('url') && !wrong('key');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };

  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      <AddressInput
        label={t('forward.server')}
        description={t('forward.server.text')}
        placeholder="rtmps://live.example.org/app"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        error={wrong('url')}
        data-autofocus
      />
      <PasswordInput
        label={t('forward.key')}
        description={t('forward.key.text')}
        value={key}
        onChange={(event) => setKey(event.currentTarget.value)}
        error={wrong('key')}
        maxLength={MAX_TARGET_KEY_LENGTH}
        autoComplete="off"
        visibilityToggleButtonProps={{ 'aria-label': t('forward.key.show') }}
      />
      <TextInput label={t('forward.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={MAX_TARGET_NAME_LENGTH} autoComplete="off" />
      {isElsewhere && (
        <p className={classes.error} role="alert">
          {add.error.message}
        </p>
      )}
      <div className={classes.answers}>
        <Button variant="default" onClick={close}>
          {t('forward.cancel')}
        </Button>
        <Button type="submit" loading={add.isPending} disabled={url.trim() === ''}>
          {t('forward.add.confirm')}
        </Button>
      </div>
    </form>
  );
}
