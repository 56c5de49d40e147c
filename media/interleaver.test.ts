import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Interleaver } from './interleaver.ts';

const at = (track: number, seconds: number) => ({ track, seconds });

describe('the interleaver', () => {
  test('holds a track back until the others have come as far', () => {
    const interleaver = new Interleaver([1, 2]);
    expect(interleaver.push(at(1, 0))).toEqual([]);
    expect(interleaver.push(at(1, 0.04))).toEqual([]);
    expect(interleaver.push(at(2, 0.02))).toEqual([at(1, 0), at(2, 0.02)]);
    expect(interleaver.push(at(2, 0.05))).toEqual([at(1, 0.04)]);
    expect(interleaver.flush()).toEqual([at(2, 0.05)]);
  });

  test('does not wait for a track that has fallen silent', () => {
    const interleaver = new Interleaver([1, 2]);
    expect(interleaver.push(at(1, 0))).toEqual([]);
    expect(interleaver.push(at(1, 0.9))).toEqual([]);
    expect(interleaver.push(at(1, 1.2))).toEqual([at(1, 0)]);
  });

  test('gives out at once what comes too late', () => {
    const interleaver = new Interleaver([1]);
    expect(interleaver.push(at(1, 5))).toEqual([at(1, 5)]);
    expect(interleaver.push(at(2, 1))).toEqual([at(2, 1)]);
  });

  test('loses nothing, holds little, and keeps the order of tracks that keep step', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (pushes) => {
        const interleaver = new Interleaver([1, 2]);
        const next = [0, 0];
        const out: number[] = [];
        let pushed = 0;
        for (const isFirst of pushes) {
          const i = isFirst ? 0 : 1;
          const seconds = next[i] ?? 0;
          if (seconds - (next[1 - i] ?? 0) > 0.5) continue;
          next[i] = seconds + 0.02;
          pushed++;
          out.push(...interleaver.push(at(i + 1, seconds)).map((item) => item.seconds));
        }
        out.push(...interleaver.flush().map((item) => item.seconds));
        expect(out).toHaveLength(pushed);
        expect(out).toEqual(out.toSorted((a, b) => a - b));
      }),
    );
  });
});
