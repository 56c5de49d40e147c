/** The share panel as a dialog. */
import { Modal } from '@mantine/core';
import { t } from '../text/text.ts';
import { SharePanel, type SharePanelProps } from './share-panel.tsx';

export function ShareDialog({ close, ...panel }: SharePanelProps & { readonly close: () => void }) {
  return (
    <Modal opened onClose={close} title={t('share.title')} size={540} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <SharePanel {...panel} />
    </Modal>
  );
}
