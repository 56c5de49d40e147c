/** A drawing of the stream settings of OBS with the fields that matter marked. */
import { t } from '../text/text.ts';
import classes from './obs-steps.module.css';

const MENU = ['studio.obs.general', 'studio.obs.stream', 'studio.obs.output', 'studio.obs.audio', 'studio.obs.video'] as const;

const FIELDS = {
  rtmp: { picture: 'studio.obs.picture', service: 'studio.obs.custom', server: 'rtmp://…/live', secret: 'studio.obs.key' },
  whip: { picture: 'studio.obs.whip.picture', service: 'studio.obs.whip.service', server: 'http://…/whip/…', secret: 'studio.token' },
} as const;

export function ObsPicture({ protocol }: { readonly protocol: 'rtmp' | 'whip' }) {
  const { picture, service, server, secret } = FIELDS[protocol];
  return (
    <svg className={classes.picture} viewBox="0 0 420 236" role="img" aria-label={t(picture)}>
      <rect width="420" height="236" fill="var(--sunken)" />
      <rect width="420" height="30" fill="var(--line)" />
      <text x="14" y="19" className={classes.strong}>
        {t('studio.obs.settings')}
      </text>
      {['a', 'b', 'c'].map((key, index) => (
        <circle key={key} cx={404 - index * 16} cy="15" r="4" fill="var(--edge)" />
      ))}
      <rect x="12" y="42" width="104" height="182" rx="6" fill="var(--raised)" />
      {MENU.map((key, index) => (
        <g key={key}>
          {key === 'studio.obs.stream' && <rect x="16" y={46 + index * 30} width="96" height="28" rx="5" fill="var(--water-wash)" />}
          <circle cx="31" cy={60 + index * 30} r="5" fill={key === 'studio.obs.stream' ? 'var(--water)' : 'var(--edge)'} />
          <text x="44" y={64 + index * 30} className={key === 'studio.obs.stream' ? classes.strong : undefined}>
            {t(key)}
          </text>
        </g>
      ))}
      <Field y={52} label={t('studio.obs.service')} value={t(service)} />
      <Field y={94} label={t('studio.obs.server')} value={server} marked />
      <Field y={136} label={t(secret)} value="••••••••••••••••••" marked />
      <rect x="340" y="194" width="64" height="28" rx="6" fill="var(--line)" />
      <text x="372" y="212" textAnchor="middle" className={classes.strong}>
        {t('studio.obs.ok')}
      </text>
    </svg>
  );
}

function Field({ y, label, value, marked = false }: { readonly y: number; readonly label: string; readonly value: string; readonly marked?: boolean }) {
  return (
    <g>
      <text x="212" y={y + 18} textAnchor="end">
        {label}
      </text>
      <rect x="222" y={y} width="182" height="28" rx="6" fill="var(--raised)" stroke={marked ? 'var(--water)' : 'var(--edge)'} strokeWidth={marked ? 2 : 1} />
      <text x="234" y={y + 18} className={classes.strong}>
        {value}
      </text>
    </g>
  );
}
