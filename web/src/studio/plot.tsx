/** A small plot without axes: the course of one figure, drawn on a canvas as it comes in. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import classes from './plot.module.css';

const HEIGHT = 44;

/** The course is shown over at least this long, so that a new plot does not stretch two points over its width. */
const SPAN_SECONDS = 120;

export interface PlotProps {
  readonly label: string;
  readonly points: readonly (readonly [at: string, value: number])[];
  readonly bad?: boolean;
}

export function Plot({ label, points, bad = false }: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const made = new uPlot(options(element, bad), [[], []], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [bad]);

  useEffect(() => {
    plot.current?.setData([points.map(([at]) => Date.parse(at) / 1000), points.map(([, value]) => value)]);
  }, [points]);

  return <div ref={holder} className={classes.plot} role="img" aria-label={label} />;
}

function options(element: HTMLElement, bad: boolean): uPlot.Options {
  const style = getComputedStyle(element);
  const stroke = style.getPropertyValue(bad ? '--warn' : '--water').trim();
  return {
    width: Math.max(40, element.clientWidth),
    height: HEIGHT,
    padding: [4, 0, 4, 0],
    cursor: { show: false },
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: true, range: (_, min, max) => (Number.isFinite(max) ? [Math.min(min, max - SPAN_SECONDS), max] : [0, 1]) },
      // From nought, so that a small wobble does not look like a collapse.
      y: { range: (_, _min, max) => [0, Math.max(max * 1.15, 1)] },
    },
    series: [{}, { stroke, width: 1.5, points: { show: false }, fill: `color-mix(in srgb, ${stroke} 14%, transparent)` }],
  };
}
