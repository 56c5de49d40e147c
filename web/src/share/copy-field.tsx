/** A text to copy: shown, with the button that copies it and says so. */
import { type ReactNode, useId, useState } from 'react';
import IconCheck from '~icons/check';
import IconCopy from '~icons/copy';
import { IconButton } from '../parts/icon-button.tsx';
import { t } from '../text/text.ts';
import classes from './copy-field.module.css';
import { copyText } from './copy-text.ts';

export interface CopyFieldProps {
  readonly label: string;
  /** In the button's name: "Copy {what}". */
  readonly what: string;
  readonly value: string;
  /** Shown in place of the value, which is copied all the same. */
  readonly masked?: boolean;
  readonly large?: boolean;
  /** How the value reads, when that is not how it is copied. */
  readonly shown?: string;
  readonly wrap?: boolean;
  readonly children?: ReactNode;
}

/** How long "Copied" stays. */
const CONFIRM_MS = 2000;

export function CopyField({ label, what, value, masked = false, large = false, shown = value, wrap = false, children }: CopyFieldProps) {
  const [copied, setCopied] = useState(false);
  const id = useId();
  const copy = async () => {
    if (!(await copyText(value))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), CONFIRM_MS);
  };
  return (
    <fieldset className={classes.field} aria-labelledby={id}>
      <span id={id} className={classes.label}>
        {label}
      </span>
      <div className={classes.box} data-large={large || undefined}>
        <code className={classes.value} data-wrap={wrap || undefined} data-masked={masked || undefined}>
          {masked ? '•'.repeat(24) : shown}
        </code>
        {children}
        <IconButton label={t('app.copy', { what })} onClick={() => void copy()}>
          {copied ? <IconCheck size={20} stroke={2} className={classes.done ?? ''} /> : <IconCopy size={20} stroke={1.75} />}
        </IconButton>
      </div>
      <span className="sr-only" role="status">
        {copied ? t('app.copied') : ''}
      </span>
    </fieldset>
  );
}
