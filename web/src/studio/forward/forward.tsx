/** The services that a broadcast is forwarded to: how each goes, switched on and off, added and removed. */
import { Button } from '@mantine/core';
import type { Target } from '@millrace/contract/entities/target';
import { MAX_TARGETS_PER_STREAM } from '@millrace/contract/limits';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import IconPlus from '~icons/plus';
import { useServices } from '../../parts/services.tsx';
import { t } from '../../text/text.ts';
import { AddTarget } from './add-target.tsx';
import classes from './forward.module.css';
import { TargetRow } from './target-row.tsx';

/** What the owner sees is never older than this and an answer. */
const REFRESH_MS = 1_500;

export function Forward({ streamId }: { readonly streamId: string }) {
  const { client } = useServices();
  const [isAdding, setAdding] = useState(false);
  const targets = useQuery({
    queryKey: ['targets', streamId],
    queryFn: () => client.calls.listTargets({ params: { id: streamId } }),
    // Without targets there is nothing that changes by itself.
    refetchInterval: ({ state }) => (state.data?.items.some(({ enabled }) => enabled) || state.error ? REFRESH_MS : false),
  });

  return (
    <section className={classes.card} aria-labelledby="forward">
      <h2 id="forward">{t('forward.title')}</h2>
      <p className={classes.lead}>{t('forward.text')}</p>
      {targets.data ? (
        <List streamId={streamId} targets={targets.data.items} />
      ) : targets.error ? (
        <p className={classes.error} role="alert">
          {t('forward.failed')}
        </p>
      ) : (
        <div className={classes.bone} aria-hidden="true" />
      )}
      {targets.data && targets.data.items.length < MAX_TARGETS_PER_STREAM && (
        <Button variant="default" leftSection={<IconPlus size={18} stroke={1.75} />} onClick={() => setAdding(true)}>
          {t('forward.add')}
        </Button>
      )}
      <AddTarget streamId={streamId} opened={isAdding} close={() => setAdding(false)} />
    </section>
  );
}

function List({ streamId, targets }: { readonly streamId: string; readonly targets: readonly Target[] }) {
  if (targets.length === 0) return null;
  return (
    <ul className={classes.list}>
      {targets.map((target) => (
        <TargetRow key={target.id} streamId={streamId} target={target} />
      ))}
    </ul>
  );
}
