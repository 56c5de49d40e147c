import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PlaybackTokens } from './playback-tokens.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');

describe('a playback token', () => {
  const tokens = new PlaybackTokens('a secret');
  const token = tokens.mint('stream-a', new Date(NOW + 60_000));

  test('opens its stream until it expires', () => {
    expect(tokens.isValid(token, 'stream-a', NOW)).toBe(true);
    expect(tokens.isValid(token, 'stream-a', NOW + 59_999)).toBe(true);
    expect(tokens.isValid(token, 'stream-a', NOW + 60_000)).toBe(false);
  });

  test('opens no other stream, and none on a server with another secret', () => {
    expect(tokens.isValid(token, 'stream-b', NOW)).toBe(false);
    expect(new PlaybackTokens('another').isValid(token, 'stream-a', NOW)).toBe(false);
  });

  test('cannot be given a longer life', () => {
    const [expiry = '', signature = ''] = token.split('.');
    const longer = (Number.parseInt(expiry, 36) + 3600).toString(36);
    expect(tokens.isValid(`${longer}.${signature}`, 'stream-a', NOW)).toBe(false);
  });

  test('that is not one opens nothing and breaks nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 600 }),
          fc.tuple(fc.string(), fc.string()).map((parts) => parts.join('.')),
        ),
        (text) => {
          expect(tokens.isValid(text, 'stream-a', NOW)).toBe(false);
        },
      ),
      { examples: [[''], ['.'], [`${token} `], [`0${token}`], ['zzzzzzzzzz.'.padEnd(54, 'A')]] },
    );
  });
});
