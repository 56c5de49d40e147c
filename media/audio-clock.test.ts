/** Sound that is counted in samples and stays with the encoder's clock. */
import { describe, expect, test } from 'vitest';
import { AudioClock } from './audio-clock.ts';

const RATE = 48_000;
const SAMPLES = 1024;

/** Ten minutes of AAC stamped in whole milliseconds by a clock that runs this much faster than the samples. */
function tenMinutes(partsPerMillion: number, jitterMs: (frame: number) => number) {
  const clock = new AudioClock(RATE);
  const times: number[] = [];
  let worstMs = 0;
  for (let frame = 0; frame < 600 * (RATE / SAMPLES); frame++) {
    const trueMs = ((frame * SAMPLES) / RATE) * 1000 * (1 + partsPerMillion / 1e6);
    const time = clock.next(Math.round(trueMs + jitterMs(frame)), SAMPLES);
    worstMs = Math.max(worstMs, Math.abs((time / RATE) * 1000 - trueMs));
    times.push(time);
  }
  const steps = new Set(times.slice(1).map((time, i) => time - (times[i] ?? 0) - SAMPLES));
  return { worstMs, steps: [...steps].sort((a, b) => a - b) };
}

describe('the times of sound', () => {
  test('are exact where only the milliseconds are rounded', () => {
    expect(tenMinutes(0, () => 0)).toEqual({ worstMs: expect.closeTo(0, 0), steps: [0] });
  });

  test('are exact under the jitter of a capture thread', () => {
    expect(tenMinutes(0, (frame) => ((frame + 2) % 5) * 3 - 6).steps).toEqual([0]);
  });

  test.for([300, -300, 900])('follow an encoder whose clock is off by %i millionths, a sample at a time', (partsPerMillion) => {
    const { worstMs, steps } = tenMinutes(partsPerMillion, () => 0);
    expect(worstMs).toBeLessThan(10);
    expect(steps).toEqual(partsPerMillion > 0 ? [0, 1] : [-1, 0]);
  });

  test('follow a gap at once', () => {
    const clock = new AudioClock(RATE);
    expect([0, 21, 43, 2000].map((timeMs) => clock.next(timeMs, SAMPLES))).toEqual([0, 1024, 2048, 96_000]);
  });
});
