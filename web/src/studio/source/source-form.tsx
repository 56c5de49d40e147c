/** The form for the address: of a new source, or of another one in its place. */
import { Button, SegmentedControl } from '@mantine/core';
import { ApiError } from '@millrace/client/api-error';
import { type SourceMode, SourceProblem } from '@millrace/contract/entities/source';
import { type FormEvent, useRef, useState } from 'react';
import { t } from '../../text/text.ts';
import { AddressInput } from '../address-input.tsx';
import forward from '../forward/forward.module.css';
import { Help } from './help.tsx';
import classes from './source.module.css';
import { useSetSource } from './use-source.ts';

export interface SourceFormProps {
  readonly streamId: string;
  readonly confirm: string;
  /** What may be shown of the address of before. */
  readonly before?: string;
  /** Asks when it is fetched as well. */
  readonly mode?: SourceMode;
  readonly done?: () => void;
  readonly cancel?: () => void;
}

const EXAMPLES = [
  ['camera', 'rtsp://user:password@192.168.1.20/stream1'],
  ['hls', 'https://example.org/live/index.m3u8'],
  ['srt', 'srt://203.0.113.5:9000?passphrase=…'],
  ['rtmp', 'rtmp://example.org/live/name'],
  ['file', 'file:bars.mp4'],
] as const;

export function SourceForm({ streamId, confirm, before, mode: usual, done, cancel }: SourceFormProps) {
  const [url, setUrl] = useState('');
  const [isMissing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const [mode, setMode] = useState(usual);
  const set = useSetSource(streamId);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const address = url.trim();
    setMissing(address === '');
    if (address === '') field.current?.focus();
    else set.mutate({ url: address, enabled: true, ...(mode && { mode }) }, { onSuccess: () => done?.() });
  };
  const failure = set.error instanceof ApiError ? set.error : undefined;

  return (
    <form className={forward.form} onSubmit={submit} noValidate>
      <AddressInput
        ref={field}
        label={t('source.address')}
        description={t('source.address.text')}
        placeholder={before ?? EXAMPLES[0][1]}
        value={url}
        onChange={(event) => {
          setUrl(event.currentTarget.value);
          setMissing(false);
        }}
        error={isMissing ? t('source.address.missing') : set.error?.message}
        data-autofocus
      />
      {failure && <Help problem={SourceProblem.safeParse(failure.code).data ?? null} />}
      <details className={classes.examples}>
        <summary>{t('source.examples')}</summary>
        <dl>
          {EXAMPLES.map(([kind, example]) => (
            <div key={kind}>
              <dt>{t(`source.example.${kind}`)}</dt>
              <dd className="mono">{example}</dd>
            </div>
          ))}
        </dl>
      </details>
      {mode && <ModeChoice mode={mode} choose={setMode} />}
      <div className={forward.answers}>
        {cancel && (
          <Button variant="default" onClick={cancel}>
            {t('app.cancel')}
          </Button>
        )}
        <Button type="submit" loading={set.isPending}>
          {confirm}
        </Button>
      </div>
    </form>
  );
}

const MODES = ['always', 'on-demand'] as const;

/** When it is fetched, and a sentence on what that means. */
export function ModeChoice({ mode, choose }: { readonly mode: SourceMode; readonly choose: (mode: SourceMode) => void }) {
  return (
    <div className={classes.mode}>
      <SegmentedControl fullWidth aria-label={t('source.mode')} value={mode} data={MODES.map((value) => ({ value, label: t(`source.mode.${value}`) }))} onChange={choose} />
      <p className={classes.note} aria-live="polite">
        {t(`source.mode.${mode}.text`)}
      </p>
    </div>
  );
}
