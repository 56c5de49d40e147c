/** How loud the microphone is: bars that move with it. Nothing moves when nothing is heard. */
import { useEffect, useRef } from 'react';
import { t } from '../../text/text.ts';
import classes from './level-meter.module.css';

/** Below this everything is silence, in dB of full scale. */
const FLOOR_DB = -60;

export function LevelMeter({ stream, muted }: { readonly stream: MediaStream | undefined; readonly muted: boolean }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const [track] = stream?.getAudioTracks() ?? [];
    if (!track || muted || !('AudioContext' in globalThis)) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    const source = context.createMediaStreamSource(new MediaStream([track]));
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let frame = 0;
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      const level = Math.max(0, 1 - (10 * Math.log10(power + 1e-10)) / FLOOR_DB);
      bar.current?.style.setProperty('scale', `${level.toFixed(2)} 1`);
      frame = requestAnimationFrame(draw);
    };
    // Calls suspend the context; a tap or the return to the page wakes it.
    const wake = () => void context.resume().catch(() => undefined);
    document.addEventListener('visibilitychange', wake);
    document.addEventListener('pointerdown', wake);
    draw();
    const meter = bar.current;
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener('visibilitychange', wake);
      document.removeEventListener('pointerdown', wake);
      meter?.style.setProperty('scale', '0 1');
      void context.close();
    };
  }, [stream, muted]);
  return (
    <span className={classes.meter} role="img" aria-label={t('device.level')}>
      <span ref={bar} className={classes.level} />
    </span>
  );
}
