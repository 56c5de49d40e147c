/** Text that people write: no control characters, which no page shows and PostgreSQL refuses (U+0000), and no halves of characters. */
import { z } from 'zod';

const FIRST_PRINTABLE = 0x20;
const DELETE = 0x7f;

/** Text on one line. */
export function lineOfText(limits: { readonly min?: number; readonly max: number }) {
  return z
    .string()
    .trim()
    .min(limits.min ?? 0)
    .max(limits.max)
    .refine((text) => isPrintable(text, ''), 'must not have control characters');
}

/** Text that may have several lines. */
export function paragraphsOfText(limits: { readonly max: number }) {
  return z
    .string()
    .trim()
    .max(limits.max)
    .refine((text) => isPrintable(text, '\n\r\t'), 'must not have control characters');
}

function isPrintable(text: string, allowed: string): boolean {
  if (!text.isWellFormed()) return false;
  for (const character of text) {
    const code = character.charCodeAt(0);
    if ((code < FIRST_PRINTABLE || code === DELETE) && !allowed.includes(character)) return false;
  }
  return true;
}
