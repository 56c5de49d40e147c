/** The page's name in the tab and in the history. */
import { useEffect } from 'react';
import { t } from '../text/text.ts';

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · ${t('app.name')}` : t('app.name');
  }, [title]);
}
