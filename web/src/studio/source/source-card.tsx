/** The source of a stream that is fetched: its address, how it goes, and everything that its owner does about it. */
import { Button, Modal } from '@mantine/core';
import type { Source } from '@millrace/contract/entities/source';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useServices } from '../../parts/services.tsx';
import { useNow } from '../../parts/use-now.ts';
import { elapsed } from '../../text/format.ts';
import { t } from '../../text/text.ts';
import forward from '../forward/forward.module.css';
import { Help } from './help.tsx';
import classes from './source.module.css';
import { ModeChoice, SourceForm } from './source-form.tsx';
import { useSetSource } from './use-source.ts';

export interface SourceCardProps {
  readonly streamId: string;
  /** Null: none is set yet. */
  readonly source: Source | null;
  /** Whether it can be stopped here: the page offers that in one place. */
  readonly canBeStopped: boolean;
}

export function SourceCard({ streamId, source, canBeStopped }: SourceCardProps) {
  return (
    <section className={forward.card} aria-labelledby="source">
      <h2 id="source">{t('source.title')}</h2>
      {source ? (
        <Known streamId={streamId} source={source} canBeStopped={canBeStopped} />
      ) : (
        <>
          <p className={forward.lead}>{t('source.lead')}</p>
          <div className={classes.wide}>
            <SourceForm streamId={streamId} confirm={t('source.submit')} mode="always" />
          </div>
        </>
      )}
    </section>
  );
}

function Known({ streamId, source, canBeStopped }: SourceCardProps & { readonly source: Source }) {
  const { client } = useServices();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<'change' | 'remove'>();
  const set = useSetSource(streamId);
  const remove = useMutation({
    mutationFn: () => client.calls.deleteSource({ params: { id: streamId } }),
    async onSuccess() {
      queries.setQueryData(['source', streamId], null);
      await navigate({ to: '/live/$id', params: { id: streamId }, search: {} });
    },
  });
  const failure = set.error ?? remove.error;
  const close = () => setAsking(undefined);

  return (
    <div className={classes.wide}>
      <p className={`${classes.address} mono`}>{source.url}</p>
      <State source={source} />
      {failure && (
        <p className={forward.error} role="alert">
          {failure.message}
        </p>
      )}
      {source.state === 'waiting' && (
        <Button loading={set.isPending} onClick={() => set.mutate({ enabled: true })}>
          {t('source.retry')}
        </Button>
      )}
      {source.state === 'off' && (
        <Button loading={set.isPending} onClick={() => set.mutate({ enabled: true })}>
          {t('source.start')}
        </Button>
      )}
      <ModeChoice mode={set.isPending ? (set.variables.mode ?? source.mode) : source.mode} choose={(mode) => set.mutate({ mode })} />
      <div className={classes.actions}>
        <Button variant="default" onClick={() => setAsking('change')}>
          {t('source.change')}
        </Button>
        {source.state !== 'off' && canBeStopped && <StopFetching streamId={streamId} />}
        <Button variant="default" onClick={() => setAsking('remove')}>
          {t('source.remove')}
        </Button>
      </div>
      <Modal opened={asking === 'change'} onClose={close} title={t('source.change.title')} size={520} closeButtonProps={{ 'aria-label': t('app.close') }}>
        <SourceForm streamId={streamId} confirm={t('source.change.confirm')} before={source.url} done={close} cancel={close} />
      </Modal>
      <Question opened={asking === 'remove'} close={close} title={t('source.remove.title')} text={t('source.remove.text')}>
        <Button loading={remove.isPending} onClick={() => remove.mutate()}>
          {t('source.remove.confirm')}
        </Button>
      </Question>
    </div>
  );
}

function State({ source: { state, problem, error, retryAt } }: { readonly source: Source }) {
  return (
    <div role="status">
      <p className={forward.state} data-state={state}>
        {t(`source.state.${state}`)}
      </p>
      {error && <p className={classes.reason}>{error}</p>}
      <Help problem={problem} />
      {state === 'waiting' && retryAt && <Countdown until={retryAt} />}
    </div>
  );
}

/** Of no interest to those who have the page read to them, each second anew. */
function Countdown({ until }: { readonly until: string }) {
  const { clock } = useServices();
  const now = useNow(() => clock.now());
  return (
    <p className={`${classes.note} figures`} aria-live="off">
      {t('source.retryIn', { duration: elapsed(Date.parse(until) - now) })}
    </p>
  );
}

/** Ends the broadcast, too, at once. Asks before. */
export function StopFetching({ streamId }: { readonly streamId: string }) {
  const { client } = useServices();
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const set = useSetSource(streamId);
  const stop = useMutation({
    mutationFn: async () => {
      await set.mutateAsync({ enabled: false });
      const { stream } = await client.calls.getStream({ params: { id: streamId } });
      if (stream.status !== 'idle' && stream.status !== 'ended') await client.calls.stopStream({ params: { id: streamId } });
    },
    onSuccess: () => setAsking(false),
    onSettled: () => queries.invalidateQueries({ queryKey: ['stream', streamId] }),
  });
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>
        {t('source.stop')}
      </Button>
      <Question opened={isAsking} close={() => setAsking(false)} title={t('source.stop.title')} text={t('source.stop.text')}>
        <Button loading={stop.isPending} onClick={() => stop.mutate()}>
          {t('source.stop.confirm')}
        </Button>
      </Question>
    </>
  );
}

interface QuestionProps {
  readonly opened: boolean;
  readonly title: string;
  readonly text: string;
  readonly children: ReactNode;
  close(): void;
}

function Question({ opened, title, text, children, close }: QuestionProps) {
  return (
    <Modal opened={opened} onClose={close} title={title} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <p className={forward.lead}>{text}</p>
      <div className={forward.answers}>
        <Button variant="default" onClick={close} data-autofocus>
          {t('app.cancel')}
        </Button>
        {children}
      </div>
    </Modal>
  );
}
