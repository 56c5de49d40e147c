/** A new title for a recording. */
import { Button, Modal, TextInput } from '@mantine/core';
import type { Recording } from '@millrace/contract/entities/recording';
import { MAX_TITLE_LENGTH } from '@millrace/contract/limits';
import { type FormEvent, useState } from 'react';
import { t } from '../text/text.ts';
import classes from './dialog.module.css';
import type { useRecordingChanges } from './use-recordings.ts';

export interface RenameDialogProps {
  readonly recording: Recording;
  readonly change: ReturnType<typeof useRecordingChanges>['change'];
  readonly close: () => void;
}

export function RenameDialog({ recording, change, close }: RenameDialogProps) {
  const [title, setTitle] = useState(recording.title);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (title.trim() !== '') change.mutate({ title: title.trim() }, { onSuccess: close });
  };
  return (
    <Modal opened onClose={close} title={t('library.rename.title')} size={460} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <form onSubmit={submit}>
        <TextInput
          label={t('choose.name')}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
          maxLength={MAX_TITLE_LENGTH}
          autoComplete="off"
          data-autofocus
          error={change.isError ? t('library.failed') : undefined}
        />
        <div className={classes.answers}>
          <Button variant="default" onClick={close}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" disabled={title.trim() === ''} loading={change.isPending}>
            {t('library.rename.save')}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
