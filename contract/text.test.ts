import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineOfText, paragraphsOfText } from './text.ts';

const title = lineOfText({ min: 1, max: 20 });
const description = paragraphsOfText({ max: 20 });

describe('text that people write', () => {
  test.each(['Harbour', 'Straße 東京 🚤', 'e\u0301', ' padded '])('%j is taken, without the space around it', (text) => {
    expect(title.parse(text)).toBe(text.trim());
  });

  test.each(['', '   ', 'a\u0000b', 'a\u001bb', 'a\u007fb', 'two\nlines', '\ud800', 'x'.repeat(21), 7, null])('%j is no title', (text) => {
    expect(title.safeParse(text).success).toBe(false);
  });

  test('a description may have several lines, but no other control characters', () => {
    expect(description.parse('one\r\n\ttwo\n')).toBe('one\r\n\ttwo');
    expect(description.safeParse('one\u0000two').success).toBe(false);
  });

  test('what is taken never holds what the database refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        const parsed = description.safeParse(text);
        if (parsed.success) expect(Buffer.from(parsed.data).toString()).toBe(parsed.data);
        expect(parsed.success && parsed.data.includes('\u0000')).toBe(false);
      }),
    );
  });
});
