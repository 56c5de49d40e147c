/** What the code field makes of what people type and paste. */
import { CODE_ALPHABET } from '@millrace/contract/ids';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readCode } from './code-text.ts';

it('takes any case, spaces and hyphens', () => {
  expect(readCode('k7q 4xm')).toEqual({ code: 'K7Q4XM', rejected: false });
  expect(readCode('K7Q-4xm')).toEqual({ code: 'K7Q4XM', rejected: false });
});

it('finds the code in a pasted link', () => {
  expect(readCode('https://live.example/w/k7q4xm?token=1')).toEqual({ code: 'K7Q4XM', rejected: false });
});

it('says when a character is in no code', () => {
  expect(readCode('K0')).toEqual({ code: 'K', rejected: true });
});

it('never gives more than six characters, nor one outside the alphabet', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60, unit: 'grapheme' }), (text) => {
      const { code } = readCode(text);
      expect(code.length).toBeLessThanOrEqual(6);
      for (const character of code) expect(CODE_ALPHABET).toContain(character);
    }),
    { seed: 3 },
  );
});
