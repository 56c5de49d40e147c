/** Where encoders that know WHIP send: address, token, the steps in OBS and a line for GStreamer. */
import type { Ingest } from '@millrace/contract/entities/stream';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { useServices } from '../parts/services.tsx';
import { CopyField } from '../share/copy-field.tsx';
import { t } from '../text/text.ts';
import classes from './connect.module.css';
import { HIDDEN_KEY, whipLine } from './encoder-lines.ts';
import { KeyField } from './key-field.tsx';
import { ObsSteps } from './obs-steps.tsx';

export interface WhipConnectProps {
  readonly whip: Ingest['whip'];
  /** Undefined when this browser does not have it. */
  readonly token: string | undefined;
  /** With the steps for OBS and GStreamer. */
  readonly steps: boolean;
}

export function WhipConnect({ whip: { url }, token, steps }: WhipConnectProps) {
  const [shown, setShown] = useState(false);
  const id = useId();
  const isUnknown = useUnknownCertificate(url);
  return (
    <>
      <section aria-labelledby={id} className={classes.part}>
        <h3 id={id}>{t('studio.whip')}</h3>
        <p className={classes.note}>{t('studio.whip.text')}</p>
        <div className={classes.fields}>
          <div>
            <CopyField label={t('studio.whip.address')} what={t('share.what.whip')} value={url} />
            {isUnknown && <p className={classes.note}>{t('studio.whip.certificate')}</p>}
          </div>
          <KeyField kind="token" value={token} shown={shown} onShow={setShown} />
        </div>
      </section>
      {steps && (
        <>
          <ObsSteps protocol="whip" />
          <section aria-labelledby="gstreamer" className={classes.part}>
            <h3 id="gstreamer">{t('studio.gstreamer')}</h3>
            <p className={classes.note}>{t('studio.gstreamer.text')}</p>
            {token ? (
              <CopyField label={t('studio.line')} what={t('studio.gstreamer.what')} value={whipLine(url, token)} shown={whipLine(url, shown ? token : HIDDEN_KEY)} wrap />
            ) : (
              <p className={classes.note}>{t('studio.line.key')}</p>
            )}
          </section>
        </>
      )}
    </>
  );
}

/** Whether encoders refuse the address for a certificate whose authority they do not know. */
function useUnknownCertificate(url: string): boolean {
  const { client } = useServices();
  const isSecure = url.startsWith('https:');
  const trust = useQuery({ queryKey: ['trust'], queryFn: ({ signal }) => client.calls.getTrust({ signal }), enabled: isSecure });
  return isSecure && trust.data?.authority != null;
}
