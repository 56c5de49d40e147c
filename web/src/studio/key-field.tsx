/** The stream key to copy, hidden until asked for; as encoders of either kind call it. */
import IconEye from '~icons/eye';
import IconEyeOff from '~icons/eye-off';
import { IconButton } from '../parts/icon-button.tsx';
import { CopyField } from '../share/copy-field.tsx';
import { t } from '../text/text.ts';
import classes from './connect.module.css';

export interface KeyFieldProps {
  /** WHIP calls the key a bearer token. */
  readonly kind: 'key' | 'token';
  /** Undefined when this browser does not have it. */
  readonly value: string | undefined;
  readonly shown: boolean;
  onShow(shown: boolean): void;
}

const TEXTS = {
  key: { label: 'studio.key', what: 'share.what.key', show: 'studio.key.show', hide: 'studio.key.hide', secret: 'studio.key.secret', gone: 'studio.key.gone' },
  token: { label: 'studio.token', what: 'share.what.token', show: 'studio.token.show', hide: 'studio.token.hide', secret: 'studio.token.secret', gone: 'studio.token.gone' },
} as const;

export function KeyField({ kind, value, shown, onShow }: KeyFieldProps) {
  const texts = TEXTS[kind];
  if (value === undefined) {
    return (
      <div>
        <p className={classes.label}>{t(texts.label)}</p>
        <p className={classes.note}>{t(texts.gone)}</p>
      </div>
    );
  }
  return (
    <div>
      <CopyField label={t(texts.label)} what={t(texts.what)} value={value} masked={!shown}>
        <IconButton label={t(shown ? texts.hide : texts.show)} aria-pressed={shown} onClick={() => onShow(!shown)}>
          {shown ? <IconEyeOff size={20} stroke={1.75} /> : <IconEye size={20} stroke={1.75} />}
        </IconButton>
      </CopyField>
      <p className={classes.note}>{t(texts.secret)}</p>
    </div>
  );
}
