/** What was sent to a webhook, newest first: each with what became of it, its body, and the button that sends it again. */
import { Button } from '@mantine/core';
import type { Delivery, Webhook } from '@millrace/contract/entities/webhook';
import { SubscribableEvent } from '@millrace/contract/events/webhook';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useServices } from '../parts/services.tsx';
import { number, when } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './settings.module.css';

const PAGE_SIZE = 10;

/** While something waits that is due. */
const REFRESH_MS = 1_500;

export function Deliveries({ webhook }: { readonly webhook: Webhook }) {
  const { client } = useServices();
  const deliveries = useInfiniteQuery({
    queryKey: ['deliveries', webhook.id],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      client.calls.listDeliveries({ params: { id: webhook.id }, query: { limit: PAGE_SIZE, ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: ({ state }) => (state.data?.pages.some(({ items }) => items.some(({ state }) => state === 'waiting')) ? REFRESH_MS : false),
    staleTime: 0,
  });
  const items = deliveries.data?.pages.flatMap((page) => page.items) ?? [];
  if (deliveries.isPending) return <div className={classes.bone} role="status" aria-label={t('app.loading')} />;
  if (deliveries.isError && items.length === 0) {
    return (
      <div role="alert" className={classes.notice}>
        <p>{t('webhooks.deliveries.error')}</p>
        <Button variant="default" onClick={() => void deliveries.refetch()}>
          {t('app.retry')}
        </Button>
      </div>
    );
  }
  if (items.length === 0) return <p className={classes.quiet}>{t('webhooks.deliveries.empty')}</p>;
  return (
    <>
      <ul className={classes.log}>
        {items.map((delivery) => (
          <li key={delivery.id}>
            <Entry delivery={delivery} webhook={webhook} />
          </li>
        ))}
      </ul>
      {deliveries.hasNextPage && (
        <Button variant="default" onClick={() => void deliveries.fetchNextPage()} loading={deliveries.isFetchingNextPage}>
          {t('webhooks.deliveries.more')}
        </Button>
      )}
    </>
  );
}

function Entry({ delivery, webhook }: { readonly delivery: Delivery; readonly webhook: Webhook }) {
  const { client } = useServices();
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () => client.calls.redeliver({ params: { id: webhook.id, deliveryId: delivery.id } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['deliveries', webhook.id] }),
  });
  const { lastAttempt, nextAttemptAt, state } = delivery;
  const type = SubscribableEvent.safeParse(delivery.type);
  return (
    <details className={classes.entry}>
      <summary>
        <span className={classes.delivery} data-state={state}>
          {t(`webhooks.delivery.${state}`)}
        </span>
        <span className={classes.type}>{t(type.success ? `webhooks.event.${type.data}` : 'webhooks.event.webhook.test')}</span>
        <span className={`${classes.quiet} figures`}>{when(delivery.createdAt)}</span>
      </summary>
      <div className={classes.details}>
        <p className={`${classes.facts} figures`}>
          <span>{t('webhooks.delivery.attempts', { count: delivery.attempts })}</span>
          {lastAttempt?.status != null && <span>{t('webhooks.delivery.answer', { status: String(lastAttempt.status), ms: number(lastAttempt.durationMs) })}</span>}
          {state === 'waiting' && delivery.attempts > 0 && nextAttemptAt !== null && <span>{t('webhooks.delivery.next', { time: when(nextAttemptAt) })}</span>}
        </p>
        {lastAttempt?.error && <p className={classes.warn}>{lastAttempt.error}</p>}
        {lastAttempt?.response && <Block title={t('webhooks.delivery.response')} text={lastAttempt.response} />}
        <Block title={t('webhooks.delivery.body')} text={pretty(delivery.body)} />
        {again.error && (
          <p role="alert" className={classes.warn}>
            {again.error.message}
          </p>
        )}
        <div>
          <Button variant="default" loading={again.isPending} disabled={webhook.disabledBecause !== null} onClick={() => again.mutate()}>
            {t('webhooks.delivery.again')}
          </Button>
        </div>
      </div>
    </details>
  );
}

function Block({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <figure className={classes.block}>
      <figcaption>{title}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable from the keyboard. */}
      <pre tabIndex={0}>{text}</pre>
    </figure>
  );
}

/** As people read it; it is sent in one line. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
