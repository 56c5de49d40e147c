import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CODE_ALPHABET, CODE_LENGTH, Code, normaliseCode } from './ids.ts';

const code = fc.array(fc.constantFrom(...CODE_ALPHABET), { minLength: CODE_LENGTH, maxLength: CODE_LENGTH }).map((characters) => characters.join(''));

describe('a code', () => {
  test('has 31 characters to choose from, none of them like another', () => {
    expect(new Set(CODE_ALPHABET).size).toBe(31);
    expect(CODE_ALPHABET).not.toMatch(/[0O1IL]/);
  });

  test('is the same in any case and with spaces and hyphens anywhere', () => {
    const typed = code.chain((text) =>
      fc.tuple(fc.constant(text), fc.array(fc.tuple(fc.boolean(), fc.constantFrom('', '', ' ', '-')), { minLength: CODE_LENGTH, maxLength: CODE_LENGTH })),
    );
    fc.assert(
      fc.property(typed, ([text, habits]) => {
        const written = habits.map(([lower, gap], i) => `${lower ? text[i]?.toLowerCase() : text[i]}${gap}`).join('');
        expect(Code.parse(written)).toBe(text);
      }),
    );
  });

  test('is six characters of the alphabet or nothing, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const parsed = Code.safeParse(text);
        if (!parsed.success) return;
        expect(parsed.data).toHaveLength(CODE_LENGTH);
        for (const character of parsed.data) expect(CODE_ALPHABET).toContain(character);
      }),
      { examples: [['ABCDE'], ['ABCDEFG'], ['ABCDE0'], ['ABCDEO'], ['ABC１23'], ['ABCDEſ'], ['------'], ['']] },
    );
  });

  test('is normalised once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(normaliseCode(normaliseCode(text))).toBe(normaliseCode(text));
      }),
    );
  });
});
