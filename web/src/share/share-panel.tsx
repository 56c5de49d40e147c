/** Everything that leads others to a stream: code, link, QR and the device's own way to send. */
import { Button } from '@mantine/core';
import { spacedCode } from '../text/format.ts';
import { t } from '../text/text.ts';
import { CopyField } from './copy-field.tsx';
import { QrCode } from './qr-code.tsx';
import classes from './share-panel.module.css';

export interface SharePanelProps {
  readonly title: string;
  readonly code: string;
  readonly link: string;
  /** It stands on a page: narrow at the side of it, and low where the page has but one column. */
  readonly side?: boolean;
}

export function SharePanel({ title, code, link, side = false }: SharePanelProps) {
  return (
    <div className={classes.panel} data-side={side || undefined}>
      <div className={classes.qr}>
        <QrCode text={link} />
        <p className={classes.scan}>{t('share.scan')}</p>
      </div>
      <div className={classes.texts}>
        <CopyField label={t('share.code')} what={t('share.what.code')} value={code} shown={spacedCode(code)} large />
        <CopyField label={t('share.link')} what={t('share.what.link')} value={link} shown={link.replace(/^https?:\/\//, '')} />
        {'share' in navigator && (
          <Button variant="default" fullWidth onClick={() => void navigator.share({ title, url: link }).catch(() => undefined)}>
            {t('share.send')}
          </Button>
        )}
      </div>
    </div>
  );
}
