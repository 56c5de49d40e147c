/** What a page shows when its own code failed: a sentence and the one button that helps. */
import { Button } from '@mantine/core';
import { Notice } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

export function Broken() {
  return (
    <Notice title={t('broken.title')} text={t('broken.text')} alert>
      <Button onClick={() => location.reload()}>{t('broken.reload')}</Button>
    </Notice>
  );
}
