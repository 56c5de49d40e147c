/** The connection in one word with a dot; a tap opens its figures. */
import { Popover } from '@mantine/core';
import { gradeOf, type PublishStats } from '@millrace/client/publish/publish-stats';
import type { PublisherSnapshot } from '@millrace/client/publish/publisher';
import { bitrate, number } from '../../text/format.ts';
import { t } from '../../text/text.ts';
import classes from './connection-word.module.css';

export function ConnectionWord({ snapshot }: { readonly snapshot: PublisherSnapshot }) {
  const { state, stats } = snapshot;
  const grade = state !== 'live' ? 'lost' : stats ? gradeOf(stats) : 'good';
  return (
    <Popover position="bottom-end" withinPortal>
      <Popover.Target>
        <button type="button" className={classes.word} data-grade={grade}>
          <span className={classes.dot} aria-hidden="true" />
          <span className="sr-only">{t('device.connection')} </span>
          {t(`device.connection.${grade}`)}
        </button>
      </Popover.Target>
      <Popover.Dropdown>{stats ? <Figures stats={stats} /> : <p>{t('studio.health.wait')}</p>}</Popover.Dropdown>
    </Popover>
  );
}

function Figures({ stats }: { readonly stats: PublishStats }) {
  const { bitsPerSecond, roundTripMs, loss, framesPerSecond, width, height, limitedBy, videoCodec } = stats;
  const unknown = '–';
  const rows: [string, string][] = [
    [t('studio.bitrate'), bitrate(bitsPerSecond)],
    [t('device.roundTrip'), roundTripMs === undefined ? unknown : `${number(roundTripMs)} ms`],
    [t('device.loss'), loss === undefined ? unknown : `${number(loss * 100)} %`],
    [t('studio.resolution'), width && height ? `${width} × ${height}` : unknown],
    [t('studio.fps'), framesPerSecond === undefined ? unknown : t('studio.fps.value', { fps: number(framesPerSecond) })],
    [t('watch.details.codecs'), videoCodec?.replace('video/', '') ?? unknown],
  ];
  return (
    <div className={classes.figures}>
      <dl className="figures">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {limitedBy !== 'none' && <p>{t(`device.limited.${limitedBy}`)}</p>}
    </div>
  );
}
