/** `/live`: what the stream is called, who may see it and what sends; then the page for that. Streams of before can be taken up again. */
import { Button, SegmentedControl, Switch, TextInput } from '@mantine/core';
import { ApiError } from '@millrace/client/api-error';
import { DEFAULT_REWIND_SECONDS, MAX_TITLE_LENGTH } from '@millrace/contract/limits';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useId, useRef, useState } from 'react';
import IconBroadcast from '~icons/broadcast';
import IconCamera from '~icons/camera';
import IconCloudDown from '~icons/cloud-down';
import { deviceKind } from '../parts/device.ts';
import { useServices } from '../parts/services.tsx';
import { useTitle } from '../parts/use-title.ts';
import { dayAndTimeOf } from '../text/format.ts';
import { type TextKey, t } from '../text/text.ts';
import classes from './choose-page.module.css';
import { keepKey } from './key-store.ts';
import { type Choices, lastChoices, rememberChoices } from './last-choices.ts';
import { OwnStreams } from './own-streams.tsx';

const VISIBILITIES = ['public', 'unlisted', 'private'] as const;
const STARTS = ['auto', 'manual'] as const;
const REWINDS = ['none', 'hours', 'all'] as const;

const SUBMIT = { device: 'choose.submit.device', encoder: 'choose.submit', fetch: 'choose.submit.fetch' } as const;

/** Null: to the beginning. */
const REWIND_SECONDS = { none: 0, hours: DEFAULT_REWIND_SECONDS, all: null } as const;

export function ChoosePage() {
  useTitle(t('choose.title'));
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <h1>{t('choose.title')}</h1>
        <p>{t('choose.lead')}</p>
      </header>
      <div className={classes.columns}>
        <NewStream />
        <OwnStreams />
      </div>
    </div>
  );
}

function NewStream() {
  const { client, guest } = useServices();
  const navigate = useNavigate();
  const [title, setTitle] = useState('');
  const [missing, setMissing] = useState(false);
  const titleField = useRef<HTMLInputElement>(null);
  const [choices, setChoices] = useState(lastChoices);
  const source = choices.source ?? usualSource();
  // Who taps their way from a phone need not type: the title says when it was.
  const [usualTitle] = useState(() => t('choose.device.title', { time: dayAndTimeOf(new Date()) }));
  const create = useMutation({
    mutationFn: () =>
      guest.as(() =>
        client.calls.createStream({
          body: { title: title.trim() || usualTitle, visibility: choices.visibility, start: choices.start, record: choices.record, rewindSeconds: REWIND_SECONDS[choices.rewind] },
        }),
      ),
    onSuccess: ({ stream, streamKey }) => {
      rememberChoices({ ...choices, source });
      keepKey(stream.id, streamKey);
      void navigate({ to: '/live/$id', params: { id: stream.id }, search: source === 'encoder' ? {} : { from: source } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const empty = title.trim() === '' && source !== 'device';
    setMissing(empty);
    if (empty) titleField.current?.focus();
    else create.mutate();
  };
  const choose = (change: Partial<Choices>) => setChoices((before) => ({ ...before, ...change }));

  return (
    <form className={classes.card} onSubmit={submit} noValidate>
      <fieldset className={classes.sources}>
        <legend className="sr-only">{t('choose.source')}</legend>
        <Source name={t('choose.device')} text={t('choose.device.text')} checked={source === 'device'} choose={() => choose({ source: 'device' })}>
          <IconCamera size={26} stroke={1.75} />
        </Source>
        <Source name={t('choose.encoder')} text={t('choose.encoder.text')} checked={source === 'encoder'} choose={() => choose({ source: 'encoder' })}>
          <IconBroadcast size={26} stroke={1.75} />
        </Source>
        <Source name={t('choose.fetch')} text={t('choose.fetch.text')} checked={source === 'fetch'} choose={() => choose({ source: 'fetch' })}>
          <IconCloudDown size={26} stroke={1.75} />
        </Source>
      </fieldset>
      <TextInput
        ref={titleField}
        label={t('choose.name')}
        placeholder={source === 'device' ? usualTitle : t('choose.name.placeholder')}
        value={title}
        onChange={(event) => {
          setTitle(event.currentTarget.value);
          setMissing(false);
        }}
        error={missing ? t('choose.name.missing') : undefined}
        maxLength={MAX_TITLE_LENGTH}
        autoComplete="off"
        data-autofocus
      />
      <Choice
        label={t('choose.visibility')}
        value={choices.visibility}
        options={VISIBILITIES.map((value) => ({ value, label: t(`choose.visibility.${value}`), text: `choose.visibility.${value}.text` }))}
        choose={(visibility) => choose({ visibility })}
      />
      <Choice
        label={t('choose.start')}
        value={choices.start}
        options={STARTS.map((value) => ({ value, label: t(`choose.start.${value}`), text: `choose.start.${value}.text` }))}
        choose={(start) => choose({ start })}
      />
      <Choice
        label={t('choose.rewind')}
        value={choices.rewind}
        options={REWINDS.map((value) => ({ value, label: t(`choose.rewind.${value}`), text: `choose.rewind.${value}.text` }))}
        choose={(rewind) => choose({ rewind })}
      />
      <Switch
        size="md"
        label={t('choose.record')}
        description={t('choose.record.text')}
        checked={choices.record}
        onChange={(event) => choose({ record: event.currentTarget.checked })}
      />
      {create.error && (
        <p role="alert" className={classes.error}>
          {sentenceOf(create.error)}
        </p>
      )}
      <Button type="submit" size="lg" fullWidth loading={create.isPending}>
        {t(SUBMIT[source])}
      </Button>
    </form>
  );
}

interface SourceProps {
  readonly name: string;
  readonly text: string;
  readonly checked: boolean;
  readonly choose: () => void;
  readonly children: ReactNode;
}

/** One of the ways to go live, as a card. */
function Source({ name, text, checked, choose, children }: SourceProps) {
  return (
    <label className={classes.kind} data-checked={checked || undefined}>
      <input type="radio" name="source" className="sr-only" checked={checked} onChange={choose} />
      <span className={classes.icon}>{children}</span>
      <span>
        <span className={classes.kindName}>{name}</span>
        <span className={classes.kindText}>{text}</span>
      </span>
    </label>
  );
}

/** A phone has its camera at hand; at a desk an encoder is as likely, and asks for less. */
function usualSource(): 'device' | 'encoder' {
  return deviceKind() === 'phone' || deviceKind() === 'tablet' ? 'device' : 'encoder';
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: string; readonly text: TextKey & `choose.${string}.text` }[];
  readonly choose: (value: Value) => void;
}

/** A few ways to choose from, and a sentence that explains the chosen one. */
function Choice<Value extends string>({ label, value, options, choose }: ChoiceProps<Value>) {
  const id = useId();
  const chosen = options.find((option) => option.value === value);
  return (
    <div>
      <p id={id} className={classes.label}>
        {label}
      </p>
      <SegmentedControl aria-labelledby={id} fullWidth value={value} onChange={choose} data={options.map((option) => ({ value: option.value, label: option.label }))} />
      <p className={classes.explain} aria-live="polite">
        {chosen && t(chosen.text)}
      </p>
    </div>
  );
}

function sentenceOf(error: Error): string {
  if (!(error instanceof ApiError)) return t('watch.unreachable.text');
  if (error.code === 'guests_not_allowed') return t('choose.guests');
  if (error.code === 'limit_reached') return t('choose.limit');
  return error.fields[0]?.message ?? error.detail ?? error.title;
}
