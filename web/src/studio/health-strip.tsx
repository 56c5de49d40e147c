/** The health of what arrives: four figures with their last two minutes, and the format in words. */
import type { Measurement } from '@millrace/contract/entities/measurement';
import { bitrate, number, seconds } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './health-strip.module.css';
import { Plot } from './plot.tsx';

export function HealthStrip({ measurements }: { readonly measurements: readonly Measurement[] }) {
  const latest = measurements.at(-1);
  const video = latest?.video;
  const audio = latest?.audio;
  const total = ({ video: v, audio: a }: Measurement) => (v?.bitsPerSecond ?? 0) + (a?.bitsPerSecond ?? 0);
  const keyFrames = video?.keyFrameIntervalSeconds ?? null;
  return (
    <section className={classes.strip} aria-label={t('studio.health')}>
      {latest ? (
        <>
          <Figure name={t('studio.bitrate')} value={bitrate(total(latest))} points={measurements.map((one) => [one.at, total(one)])} />
          <Figure
            name={t('studio.fps')}
            value={video ? t('studio.fps.value', { fps: number(video.framesPerSecond) }) : t('studio.none')}
            points={measurements.map((one) => [one.at, one.video?.framesPerSecond ?? 0])}
          />
          <Figure
            name={t('studio.keyframes')}
            value={keyFrames === null ? t('studio.keyframes.none') : t('studio.keyframes.value', { seconds: seconds(keyFrames * 1000) })}
            points={measurements.map((one) => [one.at, one.video?.keyFrameIntervalSeconds ?? 0])}
          />
          <Figure name={t('studio.drops')} value={number(latest.droppedUnits)} points={measurements.map((one) => [one.at, one.droppedUnits])} bad={latest.droppedUnits > 0} />
          <p className={`${classes.format} figures`}>
            <span>
              {t('studio.resolution')} <b>{video ? `${video.width} × ${video.height}` : t('studio.none')}</b>
            </span>
            <span>
              {t('studio.sound')} <b>{audio ? `${number(audio.sampleRate / 1000)} kHz ${channels(audio.channels)}` : t('studio.none')}</b>
            </span>
          </p>
        </>
      ) : (
        <p className={classes.wait}>{t('studio.health.wait')}</p>
      )}
    </section>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly points: readonly (readonly [at: string, value: number])[];
  readonly bad?: boolean;
}

function Figure({ name, value, points, bad = false }: FigureProps) {
  return (
    <fieldset className={classes.figure} aria-label={`${name}: ${value}`}>
      <p className={classes.name}>{name}</p>
      <p className={`${classes.value} figures`} data-bad={bad || undefined}>
        {value}
      </p>
      <Plot label={t('studio.plot', { name, value })} points={points} bad={bad} />
    </fieldset>
  );
}

function channels(count: number): string {
  if (count === 1) return t('studio.channels.one');
  return count === 2 ? t('studio.channels.two') : t('studio.channels.more', { count });
}
