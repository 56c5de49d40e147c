import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzzing.ts';
import { MAX_AMF_DEPTH, readAmf0 } from './read.ts';
import { type AmfValue, amfNumber, amfObject, amfString } from './value.ts';
import { writeAmf0 } from './write.ts';

const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.constant(undefined),
    fc.boolean(),
    fc.double(),
    fc.string({ unit: 'binary' }),
    fc.array(fc.tuple(fc.string({ minLength: 1 }), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
}));

describe('AMF0', () => {
  test('reads what it writes', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        expect(readAmf0(writeAmf0(...values))).toEqual(values);
      }),
    );
  });

  test('reads an ECMA array whatever its count says, and one that ends with its message', () => {
    const entries = [0, 1, 0x61, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0];
    expect(readAmf0(Uint8Array.of(8, 0, 0, 0, 99, ...entries, 0, 0, 9))).toEqual([new Map([['a', 1]])]);
    expect(readAmf0(Uint8Array.of(8, 0, 0, 0, 1, ...entries))).toEqual([new Map([['a', 1]])]);
  });

  test('reads typed objects, dates and long strings', () => {
    expect(readAmf0(Uint8Array.of(16, 0, 1, 0x54, 0, 1, 0x61, 1, 1, 0, 0, 9))).toEqual([new Map([['a', true]])]);
    expect(readAmf0(Uint8Array.of(11, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0))).toEqual([1]);
    expect(readAmf0(Uint8Array.of(12, 0, 0, 0, 1, 0x61))).toEqual(['a']);
  });

  test('keeps the name __proto__ a name', () => {
    const [object] = readAmf0(writeAmf0(new Map([['__proto__', amfObject({ app: 'x' })]])));
    expect(amfString(object, 'app')).toBeUndefined();
    expect(amfNumber(object, 'toString')).toBeUndefined();
  });

  test('refuses nesting without end', () => {
    const nested = Uint8Array.from({ length: 4 * 1000 }, (_, i) => [3, 0, 1, 97][i % 4] ?? 0);
    expect(() => readAmf0(nested)).toThrow(`deeper than ${MAX_AMF_DEPTH}`);
  });

  test('refuses arrays larger than their message, and messages larger than any command', () => {
    expect(() => readAmf0(Uint8Array.of(10, 0xff, 0xff, 0xff, 0xff))).toThrow('4294967295 elements');
    expect(() => readAmf0(new Uint8Array(65_537))).toThrow('exceeds 65536');
  });

  test('throws nothing but ProtocolError', () => {
    fuzz(readAmf0, [writeAmf0('connect', 1, amfObject({ app: 'live', list: ['a', null, true] })), Uint8Array.of(8, 0, 0, 0, 1, 0, 1, 0x61, 10, 0, 0, 0, 1)]);
  });
});
