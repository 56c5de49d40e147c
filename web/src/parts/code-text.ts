/** Finds the code in what somebody types or pastes: any case, with spaces, or a whole link. */
import { CODE_ALPHABET, CODE_LENGTH, normaliseCode } from '@millrace/contract/ids';

export interface ReadCode {
  /** At most six characters that a code can have. */
  readonly code: string;
  /** True when something was typed that no code has. */
  readonly rejected: boolean;
}

export function readCode(text: string): ReadCode {
  const fromLink = /\/w\/([^/?#\s]+)/i.exec(text)?.[1];
  const characters = [...normaliseCode(fromLink ?? text)];
  const code = characters.filter((character) => CODE_ALPHABET.includes(character)).slice(0, CODE_LENGTH);
  const rejected = characters.slice(0, CODE_LENGTH).some((character) => !CODE_ALPHABET.includes(character));
  return { code: code.join(''), rejected };
}
