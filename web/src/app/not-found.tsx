/** An address that leads nowhere: says so and offers the code field. */
import { CodeField } from '../parts/code-field.tsx';
import { Notice } from '../parts/notice.tsx';
import { useTitle } from '../parts/use-title.ts';
import { t } from '../text/text.ts';

export function NotFound() {
  useTitle(t('notFound.title'));
  return (
    <Notice title={t('notFound.title')} text={t('notFound.text')}>
      <CodeField />
    </Notice>
  );
}
