/** Asks once before the broadcast ends, and whether what was recorded of it stays. */
import { Button, Modal, Switch } from '@mantine/core';
import { useState } from 'react';
import { t } from '../text/text.ts';
import classes from './run-controls.module.css';

export interface EndDialogProps {
  /** What the end means here. */
  readonly text: string;
  readonly records: boolean;
  readonly end: (keepRecording: boolean) => Promise<unknown>;
  readonly close: () => void;
}

export function EndDialog({ text, records, end, close }: EndDialogProps) {
  const [keep, setKeep] = useState(true);
  const [ending, setEnding] = useState(false);
  return (
    <Modal opened onClose={close} title={t('studio.end.title')} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <p className={classes.text}>{text}</p>
      {records && (
        <Switch
          className={classes.keep ?? ''}
          size="md"
          label={t('studio.end.keep')}
          description={t(keep ? 'studio.end.keep.text' : 'studio.end.drop.text')}
          checked={keep}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
      )}
      <div className={classes.answers}>
        <Button variant="default" onClick={close} data-autofocus>
          {t('studio.end.cancel')}
        </Button>
        <Button
          loading={ending}
          onClick={() => {
            setEnding(true);
            void end(keep).finally(close);
          }}
        >
          {t('studio.end.confirm')}
        </Button>
      </div>
    </Modal>
  );
}
