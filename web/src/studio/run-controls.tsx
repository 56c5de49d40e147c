/** Start for viewers, and end. What is fetched ends by being fetched no more. */
import { Button } from '@mantine/core';
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useServices } from '../parts/services.tsx';
import { t } from '../text/text.ts';
import { EndDialog } from './end-dialog.tsx';
import classes from './run-controls.module.css';
import { StopFetching } from './source/source-card.tsx';

export interface RunControlsProps {
  readonly streamId: string;
  readonly status: BroadcastState;
  readonly records: boolean;
  readonly isFetched: boolean;
}

export function RunControls({ streamId, status, records, isFetched }: RunControlsProps) {
  const { client } = useServices();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const done = () => queries.invalidateQueries({ queryKey: ['stream', streamId] });
  const start = useMutation({ mutationFn: () => client.calls.startStream({ params: { id: streamId } }), onSettled: done });
  const stop = useMutation({ mutationFn: (keepRecording: boolean) => client.calls.stopStream({ params: { id: streamId }, body: { keepRecording } }), onSettled: done });
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
      {asking && (
        <EndDialog
          text={t('studio.end.text')}
          records={records && status !== 'preview'}
          end={(keepRecording) => stop.mutateAsync(keepRecording).catch(() => undefined)}
          close={() => setAsking(false)}
        />
      )}
    </div>
  );
}
