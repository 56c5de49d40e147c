/** Start for viewers, and end, which asks once. What is fetched ends by being fetched no more. */
import { Button, Modal } from '@mantine/core';
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useServices } from '../app/services.tsx';
import { t } from '../text/text.ts';
import classes from './run-controls.module.css';
import { StopFetching } from './source/source-card.tsx';

export interface RunControlsProps {
  readonly streamId: string;
  readonly status: BroadcastState;
  readonly isFetched: boolean;
}

export function RunControls({ streamId, status, isFetched }: RunControlsProps) {
  const { client } = useServices();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const done = () => {
    setAsking(false);
    return queries.invalidateQueries({ queryKey: ['stream', streamId] });
  };
  const start = useMutation({ mutationFn: () => client.calls.startStream({ params: { id: streamId } }), onSettled: done });
  const stop = useMutation({ mutationFn: () => client.calls.stopStream({ params: { id: streamId } }), onSettled: done });
  const failure = start.error ?? stop.error;

  return (
    <div className={classes.controls}>
      {failure && (
        <p role="alert" className={classes.error}>
          {failure.message}
        </p>
      )}
      {status === 'preview' && (
        <Button loading={start.isPending} onClick={() => start.mutate()}>
          {t('studio.start')}
        </Button>
      )}
      {isFetched ? (
        <StopFetching streamId={streamId} />
      ) : (
        <Button variant="default" onClick={() => setAsking(true)}>
          {t('studio.end')}
        </Button>
      )}
      <Modal opened={asking} onClose={() => setAsking(false)} title={t('studio.end.title')} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
        <p className={classes.text}>{t('studio.end.text')}</p>
        <div className={classes.answers}>
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t('studio.end.cancel')}
          </Button>
          <Button loading={stop.isPending} onClick={() => stop.mutate()}>
            {t('studio.end.confirm')}
          </Button>
        </div>
      </Modal>
    </div>
  );
}
