/** Shows a webhook's secret, which no later answer holds. Closed by saying so, not by a click beside it. */
import { Button, Modal } from '@mantine/core';
import { CopyField } from '../share/copy-field.tsx';
import { t } from '../text/text.ts';
import classes from './settings.module.css';

export function SecretDialog({ secret, close }: { readonly secret: string; readonly close: () => void }) {
  return (
    <Modal opened onClose={close} title={t('webhooks.secret.title')} size={520} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <div className={classes.form}>
        <p className={classes.quiet}>{t('webhooks.secret.text')}</p>
        <CopyField label={t('webhooks.secret')} what={t('webhooks.what.secret')} value={secret} wrap />
        <div className={classes.answers}>
          <Button onClick={close}>{t('webhooks.secret.done')}</Button>
        </div>
      </div>
    </Modal>
  );
}
