/** The names things go by on the wire. A stream has three, never mixed: public id, code, key. */
import { z } from 'zod';

/** 31 characters that nobody confuses when reading aloud or copying by hand: no 0 O 1 I L. */
export const CODE_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';

/** 31^6 ≈ 887 million codes: short enough to type, too many to guess under a rate limit. */
export const CODE_LENGTH = 6;

/** Upper-cases and drops the spaces and hyphens people put in when they copy a code. */
export function normaliseCode(text: string): string {
  return text.replaceAll(/[\s-]/g, '').toUpperCase();
}

/** The unguessable public id: 21 URL-safe characters, 126 bits. Also used for users and broadcasts. */
export const Id = z.string().regex(/^[A-Za-z0-9_-]{21,36}$/, 'must be an id');
export type Id = z.infer<typeof Id>;

/** The six characters people type. Accepts any case, spaces and hyphens; the parsed value is canonical. */
export const Code = z
  .string()
  .max(16)
  .transform(normaliseCode)
  .pipe(z.string().regex(new RegExp(`^[${CODE_ALPHABET}]{${CODE_LENGTH}}$`), 'must be six characters, without 0 O 1 I L'));
export type Code = z.infer<typeof Code>;

/** An instant, ISO 8601 in UTC. */
export const Instant = z.iso.datetime();
export type Instant = z.infer<typeof Instant>;
