/** One service: its name, how it goes, its switch, and the way to remove it, which asks once. */
import { Button, Modal } from '@mantine/core';
import type { Target } from '@millrace/contract/entities/target';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import IconTrash from '~icons/trash';
import { IconButton } from '../../parts/icon-button.tsx';
import { useServices } from '../../parts/services.tsx';
import { t } from '../../text/text.ts';
import classes from './forward.module.css';

export function TargetRow({ streamId, target }: { readonly streamId: string; readonly target: Target }) {
  const { client } = useServices();
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const params = { id: streamId, targetId: target.id };
  const done = () => queries.invalidateQueries({ queryKey: ['targets', streamId] });
  const toggle = useMutation({ mutationFn: (enabled: boolean) => client.calls.updateTarget({ params, body: { enabled } }), onSettled: done });
  const remove = useMutation({ mutationFn: () => client.calls.deleteTarget({ params }), onSettled: done });
  const failure = toggle.error ?? remove.error;
  const { name, url, enabled, state, error, droppedUnits } = target;

  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <p className={classes.name}>{name}</p>
        <p className={classes.url}>{url}</p>
        <p className={classes.state} data-state={state} role="status">
          {t(`forward.state.${state}`)}
        </p>
        {error && <p className={classes.reason}>{error}</p>}
        {droppedUnits > 0 && <p className={classes.reason}>{t('forward.slow', { count: droppedUnits })}</p>}
        {failure && (
          <p className={classes.error} role="alert">
            {failure.message}
          </p>
        )}
      </div>
      <button
        type="button"
        role="switch"
        aria-checked={enabled}
        aria-label={t('forward.switch', { name })}
        className={classes.switch}
        disabled={toggle.isPending}
        onClick={() => toggle.mutate(!enabled)}
      >
        <span aria-hidden="true" />
      </button>
      <IconButton label={t('forward.remove', { name })} onClick={() => setAsking(true)}>
        <IconTrash size={20} stroke={1.75} />
      </IconButton>
      <Modal opened={isAsking} onClose={() => setAsking(false)} title={t('forward.remove.title', { name })} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
        <p className={classes.lead}>{t('forward.remove.text')}</p>
        <div className={classes.answers}>
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t('forward.cancel')}
          </Button>
          <Button loading={remove.isPending} onClick={() => remove.mutate()}>
            {t('forward.remove.confirm')}
          </Button>
        </div>
      </Modal>
    </li>
  );
}
