import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SealError, Sealer } from './sealed.ts';

const sealer = new Sealer('a secret of this server, long enough');

describe('a sealed text', () => {
  test('opens for the same purpose, and says nothing of what it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string(), (text, purpose) => {
        expect(sealer.open(sealer.seal(text, purpose), purpose)).toBe(text);
      }),
    );
    expect(sealer.seal('live_secret', 'webhook 1')).not.toContain('live');
  });

  test('is another one each time', () => {
    expect(sealer.seal('same', 'webhook 1')).not.toBe(sealer.seal('same', 'webhook 1'));
  });

  test('does not open for another purpose or with another secret', () => {
    const sealed = sealer.seal('text', 'webhook 1');
    expect(() => sealer.open(sealed, 'webhook 2')).toThrow(SealError);
    expect(() => new Sealer('a secret of another server, long enough').open(sealed, 'webhook 1')).toThrow(SealError);
  });

  test('does not open when any bit has changed or a part is missing', () => {
    const sealed = sealer.seal('text', 'webhook 1');
    const bytes = Buffer.from(sealed.slice('sealed1.'.length), 'base64url');
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => sealer.open(`sealed1.${changed.toString('base64url')}`, 'webhook 1')).toThrow(SealError);
      }),
    );
    for (let length = 0; length < bytes.length; length++) {
      expect(() => sealer.open(`sealed1.${bytes.subarray(0, length).toString('base64url')}`, 'webhook 1')).toThrow(SealError);
    }
    expect(() => sealer.open(bytes.toString('base64url'), 'webhook 1')).toThrow(SealError);
  });
});
