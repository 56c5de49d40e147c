/** Asks once before a recording goes for good. */
import { Button, Modal } from '@mantine/core';
import type { Recording } from '@millrace/contract/entities/recording';
import { t } from '../text/text.ts';
import classes from './dialog.module.css';
import type { useRecordingChanges } from './use-recordings.ts';

export interface DeleteDialogProps {
  readonly recording: Recording;
  readonly remove: ReturnType<typeof useRecordingChanges>['remove'];
  readonly close: () => void;
}

export function DeleteDialog({ recording, remove, close }: DeleteDialogProps) {
  return (
    <Modal opened onClose={close} title={t('library.delete.title', { title: recording.title })} size={460} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <p className={classes.text}>{t('library.delete.text')}</p>
      {remove.isError && (
        <p role="alert" className={classes.error}>
          {t('library.failed')}
        </p>
      )}
      <div className={classes.answers}>
        <Button variant="default" onClick={close} data-autofocus>
          {t('app.cancel')}
        </Button>
        <Button loading={remove.isPending} onClick={() => remove.mutate(undefined, { onSuccess: close })}>
          {t('library.delete.confirm')}
        </Button>
      </div>
    </Modal>
  );
}
