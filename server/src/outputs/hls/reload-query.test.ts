/** Delivery directives: what the specification allows is understood, everything else is told apart. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRange } from '../../transports/http/send-body.ts';
import { parseMediaFile } from '../cmaf/media-path.ts';
import { isTooFarAhead, parseReloadQuery } from './reload-query.ts';

test.each<[string, ReturnType<typeof parseReloadQuery>]>([
  ['', { msn: undefined, part: undefined, skip: false }],
  ['_HLS_msn=7&_HLS_part=3&_HLS_skip=YES', { msn: 7, part: 3, skip: true }],
  ['_HLS_msn=7&_HLS_skip=v2', { msn: 7, part: undefined, skip: true }],
  ['_HLS_part=3', undefined],
  ['_HLS_msn=-1', undefined],
  ['_HLS_msn=1e3', undefined],
  ['_HLS_msn=1&_HLS_msn=2', undefined],
  ['_HLS_skip=NO', undefined],
])('%s', (query, expected) => {
  expect(parseReloadQuery(new URLSearchParams(query))).toEqual(expected);
});

test.each<[number, number | undefined, boolean]>([
  [12, undefined, false],
  [13, 0, true],
  [10, 19, false],
  [10, 20, true],
  [11, 15, false],
  [11, 16, true],
  [3, 99, false],
])('segment %i part %s seen from segment 10 part 4', (msn, part, expected) => {
  expect(isTooFarAhead({ msn, part, skip: false }, { lastMsn: 10, lastPart: 4, partTargetSeconds: 0.2 })).toBe(expected);
});

test('any query, range and file name is answered, never with an exception', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(1000), (text, size) => {
      const query = parseReloadQuery(new URLSearchParams(`_HLS_msn=${text}`));
      if (query?.msn !== undefined) expect(Number.isSafeInteger(query.msn)).toBe(true);
      const range = parseRange(`bytes=${text}`, size);
      if (range !== undefined && range !== 'unsatisfiable') expect(range.from < range.to && range.to <= size).toBe(true);
      expect(() => parseMediaFile(`epoch-${text}`, 'epoch')).not.toThrow();
    }),
  );
  fc.assert(
    fc.property(fc.nat(300), fc.nat(300), fc.integer({ min: 1, max: 200 }), (from, to, size) => {
      const range = parseRange(`bytes=${from}-${to}`, size);
      if (from > to) expect(range).toBeUndefined();
      else expect(range).toEqual(from >= size ? 'unsatisfiable' : { from, to: Math.min(to + 1, size) });
    }),
  );
});
