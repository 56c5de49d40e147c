/** The code field: one input drawn as six cells, so that typing, pasting, dictation and screen readers all just work. */
import { CODE_LENGTH } from '@millrace/contract/ids';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ChangeEvent, type FormEvent, useId, useRef, useState } from 'react';
import { t } from '../text/text.ts';
import classes from './code-field.module.css';
import { readCode } from './code-text.ts';

const CELLS = Array.from({ length: CODE_LENGTH }, (_, index) => index);

export function CodeField({ describedBy }: { readonly describedBy?: string }) {
  const [code, setCode] = useState('');
  const [rejected, setRejected] = useState(false);
  const [caret, setCaret] = useState<number | undefined>();
  const input = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const hint = useId();

  const go = (complete: string) => {
    // The same code again is asked for again: its stream may be there by now.
    void queries.resetQueries({ queryKey: ['code', complete] });
    void navigate({ to: '/w/$code', params: { code: complete } });
  };
  const change = (event: ChangeEvent<HTMLInputElement>) => {
    const read = readCode(event.target.value);
    setCode(read.code);
    setRejected(read.rejected);
    setCaret(read.code.length);
    if (read.code.length === CODE_LENGTH && !read.rejected) go(read.code);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.length === CODE_LENGTH) go(code);
  };

  return (
    <form className={classes.form} onSubmit={submit}>
      <div className={classes.field} data-focused={caret !== undefined || undefined} data-rejected={rejected || undefined}>
        <input
          ref={input}
          className={classes.input}
          aria-label={t('home.code')}
          aria-describedby={describedBy ? `${describedBy} ${hint}` : hint}
          aria-invalid={rejected || undefined}
          value={code}
          onChange={change}
          onFocus={() => setCaret(code.length)}
          onBlur={() => setCaret(undefined)}
          onSelect={() => input.current?.setSelectionRange(code.length, code.length)}
          // biome-ignore lint/a11y/noAutofocus: typing the code is what this page is for.
          autoFocus
          autoComplete="off"
          autoCapitalize="characters"
          autoCorrect="off"
          spellCheck={false}
          inputMode="text"
          enterKeyHint="go"
        />
        <div className={classes.cells} aria-hidden="true">
          {CELLS.map((cell) => (
            <span key={cell} className={classes.cell} data-filled={cell < code.length || undefined} data-caret={cell === caret || undefined}>
              {code[cell]}
            </span>
          ))}
        </div>
      </div>
      <p id={hint} className={classes.hint} aria-live="polite">
        {rejected ? t('home.code.bad') : ''}
      </p>
    </form>
  );
}
