/** Draws a stream's three names: the public id, the code for people, the key for publishing. */
import { createHash, randomInt } from 'node:crypto';
import { CODE_ALPHABET, CODE_LENGTH } from '@millrace/contract/ids';
import { nanoid } from 'nanoid';

const KEY_PREFIX = 'mk_';
const KEY_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 62^40 is 238 bits: nobody guesses it, and a fast hash of it is as safe as the key. */
const KEY_CHARACTERS = 40;

const KEY_SHAPE = new RegExp(`^${KEY_PREFIX}[${KEY_ALPHABET}]{${KEY_CHARACTERS}}$`);

/** The draws, so that a test can make two codes meet. */
export interface Names {
  id(): string;
  code(): string;
  key(): string;
}

export const randomNames: Names = {
  id: () => nanoid(),
  code: () => draw(CODE_ALPHABET, CODE_LENGTH),
  key: () => `${KEY_PREFIX}${draw(KEY_ALPHABET, KEY_CHARACTERS)}`,
};

/** SHA-256 of a key; undefined for what cannot be one. Looking it up by its hash leaks nothing of the key by time. */
export function hashKey(key: string): Buffer | undefined {
  return KEY_SHAPE.test(key) ? createHash('sha256').update(key).digest() : undefined;
}

function draw(alphabet: string, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet[randomInt(alphabet.length)];
  return text;
}
