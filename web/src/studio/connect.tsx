/** Where the encoder has to send: server, key, the steps in OBS and a line for ffmpeg; then the same by WHIP. */
import { Button, Modal } from '@mantine/core';
import type { Ingest } from '@millrace/contract/entities/stream';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useServices } from '../parts/services.tsx';
import { CopyField } from '../share/copy-field.tsx';
import { t } from '../text/text.ts';
import classes from './connect.module.css';
import { ffmpegLine, HIDDEN_KEY } from './encoder-lines.ts';
import { KeyField } from './key-field.tsx';
import { keepKey, keptKey } from './key-store.ts';
import { ObsSteps } from './obs-steps.tsx';
import { WhipConnect } from './whip-connect.tsx';

export interface ConnectProps {
  readonly streamId: string;
  readonly ingest: Ingest;
  /** With the steps for OBS, ffmpeg and GStreamer. */
  readonly steps?: boolean;
}

export function Connect({ streamId, ingest, steps = false }: ConnectProps) {
  const [key, setKey] = useState(() => keptKey(streamId));
  const [shown, setShown] = useState(false);
  const url = ingest.rtmp?.url ?? ingest.rtmps?.url;
  return (
    <div className={classes.connect}>
      <div className={classes.fields}>
        {!url && <p className={classes.note}>{t('studio.server.off')}</p>}
        {ingest.rtmp && <CopyField label={t('studio.server')} what={t('share.what.server')} value={ingest.rtmp.url} />}
        {ingest.rtmps && <CopyField label={t('studio.server.secure')} what={t('share.what.secureServer')} value={ingest.rtmps.url} />}
        <KeyField kind="key" value={key} shown={shown} onShow={setShown} />
        <NewKey
          streamId={streamId}
          made={(made) => {
            keepKey(streamId, made);
            setKey(made);
          }}
        />
      </div>
      {steps && url && (
        <>
          <ObsSteps protocol="rtmp" />
          <section aria-labelledby="ffmpeg" className={classes.part}>
            <h3 id="ffmpeg">{t('studio.ffmpeg')}</h3>
            <p className={classes.note}>{t('studio.ffmpeg.text')}</p>
            {key ? (
              <CopyField label={t('studio.line')} what={t('studio.ffmpeg.what')} value={ffmpegLine(url, key)} shown={ffmpegLine(url, shown ? key : HIDDEN_KEY)} wrap />
            ) : (
              <p className={classes.note}>{t('studio.line.key')}</p>
            )}
          </section>
        </>
      )}
      <WhipConnect whip={ingest.whip} token={key} steps={steps} />
    </div>
  );
}

function NewKey({ streamId, made }: { readonly streamId: string; readonly made: (key: string) => void }) {
  const { client } = useServices();
  const [asking, setAsking] = useState(false);
  const rotate = useMutation({
    mutationFn: () => client.calls.rotateStreamKey({ params: { id: streamId } }),
    onSuccess: ({ streamKey }) => {
      made(streamKey);
      setAsking(false);
    },
  });
  return (
    <div>
      <Button variant="default" onClick={() => setAsking(true)}>
        {t('studio.key.new')}
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={t('studio.key.new.title')} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
        <p className={classes.note}>{t('studio.key.new.text')}</p>
        {rotate.error && <p role="alert">{rotate.error.message}</p>}
        <div className={classes.answers}>
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t('app.cancel')}
          </Button>
          <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>
            {t('studio.key.new')}
          </Button>
        </div>
      </Modal>
    </div>
  );
}
