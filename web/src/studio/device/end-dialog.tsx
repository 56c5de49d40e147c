/** Asks once before the broadcast ends. */
import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import { t } from '../../text/text.ts';
import runClasses from '../run-controls.module.css';

export function EndDialog({ end, close }: { readonly end: () => Promise<void>; readonly close: () => void }) {
  const [ending, setEnding] = useState(false);
  return (
    <Modal opened onClose={close} title={t('studio.end.title')} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <p className={runClasses.text}>{t('device.end.text')}</p>
      <div className={runClasses.answers}>
        <Button variant="default" onClick={close} data-autofocus>
          {t('studio.end.cancel')}
        </Button>
        <Button
          loading={ending}
          onClick={() => {
            setEnding(true);
            void end().finally(close);
          }}
        >
          {t('studio.end.confirm')}
        </Button>
      </div>
    </Modal>
  );
}
