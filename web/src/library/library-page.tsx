/** `/library`: what this device's owner kept of their broadcasts. */
import { Button, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import IconSearch from '~icons/search';
import { CardSkeletons } from '../parts/card-skeletons.tsx';
import { Notice } from '../parts/notice.tsx';
import { useTitle } from '../parts/use-title.ts';
import { t } from '../text/text.ts';
import classes from './library-page.module.css';
import { RecordingCard } from './recording-card.tsx';
import { useRecordings } from './use-recordings.ts';

export function LibraryPage() {
  useTitle(t('library.title'));
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim());
  const { query, isPending, items } = useRecordings(wanted);
  if (!isPending && !query.isError && items.length === 0 && wanted === '' && !query.isFetching) return <Empty />;
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div>
          <h1>{t('library.title')}</h1>
          <p>{t('library.lead')}</p>
        </div>
        <TextInput
          type="search"
          className={classes.search ?? ''}
          aria-label={t('library.search')}
          placeholder={t('library.search')}
          leftSection={<IconSearch size={18} stroke={1.75} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          maxLength={120}
        />
      </header>
      {isPending && !query.isError && <CardSkeletons className={classes.grid} />}
      {query.isError && items.length === 0 && (
        <p role="status" className={classes.quiet}>
          {t('library.error')}
        </p>
      )}
      {!isPending && !query.isError && items.length === 0 && (
        <p role="status" className={classes.quiet}>
          {t('library.nothing', { text: wanted })}
        </p>
      )}
      <ul className={classes.grid}>
        {items.map((recording) => (
          <li key={recording.id}>
            <RecordingCard recording={recording} />
          </li>
        ))}
      </ul>
      {query.hasNextPage && (
        <Button variant="default" onClick={() => void query.fetchNextPage()} loading={query.isFetchingNextPage}>
          {t('library.more')}
        </Button>
      )}
    </div>
  );
}

function Empty() {
  return (
    <Notice title={t('library.empty')} text={t('library.empty.text')}>
      <Link to="/live" className={classes.goLive}>
        {t('app.goLive')}
      </Link>
    </Notice>
  );
}
