/** The smaller pictures that the server makes for viewers on slow lines: which there are, what they cost, and when they are made. */
import { SegmentedControl } from '@mantine/core';
import type { LadderMeasurement } from '@millrace/contract/entities/measurement';
import type { Stream } from '@millrace/contract/entities/stream';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import IconAlertTriangle from '~icons/alert-triangle';
import IconInfoCircle from '~icons/info-circle';
import { useServices } from '../parts/services.tsx';
import { list, number } from '../text/format.ts';
import { t } from '../text/text.ts';
import conversions from './conversions.module.css';
import classes from './sizes.module.css';

const MODES = ['auto', 'always', 'off'] as const;

/** Undefined: nothing was measured yet. Null: none are wanted. */
export function Sizes({ stream, ladder }: { readonly stream: Pick<Stream, 'id' | 'ladder'>; readonly ladder: LadderMeasurement | null | undefined }) {
  const { client } = useServices();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (mode: Stream['ladder']) => client.calls.updateStream({ params: { id: stream.id }, body: { ladder: mode } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['stream', stream.id] }),
  });
  const mode = change.isPending ? change.variables : stream.ladder;
  const notes = ladder ? notesOf(ladder) : [];

  return (
    <details className={classes.sizes} open={notes.some(({ isBad }) => isBad) || undefined}>
      <summary>{t('sizes.title')}</summary>
      <p className={classes.lead}>{t('sizes.lead')}</p>
      <SegmentedControl
        fullWidth
        aria-label={t('sizes.mode')}
        value={mode}
        data={MODES.map((value) => ({ value, label: t(`sizes.mode.${value}`) }))}
        onChange={(value) => {
          const chosen = MODES.find((each) => each === value);
          if (chosen) change.mutate(chosen);
        }}
      />
      <p className={classes.note}>{t(`sizes.mode.${mode}.text`)}</p>
      {change.error && (
        <p role="alert" className={classes.error}>
          {change.error.message}
        </p>
      )}
      {notes.length > 0 && (
        <ul className={conversions.list} aria-label={t('sizes.now')}>
          {notes.map(({ text, isBad }) => (
            <li key={text} data-failed={isBad || undefined} className="figures">
              {isBad ? <IconAlertTriangle size={20} stroke={1.75} /> : <IconInfoCircle size={20} stroke={1.75} />}
              {text}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

interface Note {
  readonly text: string;
  readonly isBad: boolean;
}

function notesOf({ tiers, cores, none }: LadderMeasurement): Note[] {
  if (none) return [{ text: t(`sizes.none.${none}`), isBad: false }];
  const named = (state: LadderMeasurement['tiers'][number]['state']) => list(tiers.filter((tier) => tier.state === state).map(({ name }) => name));
  const [running, idle, shed, failed] = [named('RUNNING'), named('IDLE'), named('SHED'), named('FAILED')];
  return [
    ...(failed ? [{ text: t('sizes.failed', { sizes: failed }), isBad: true }] : []),
    ...(shed ? [{ text: t('sizes.shed', { sizes: shed }), isBad: true }] : []),
    ...(running ? [{ text: t('sizes.running', { sizes: running, cores: number(Math.max(0.1, cores)) }), isBad: false }] : []),
    ...(idle ? [{ text: t('sizes.idle', { sizes: idle }), isBad: false }] : []),
  ];
}
