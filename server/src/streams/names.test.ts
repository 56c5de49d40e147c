import { Code, Id } from '@millrace/contract/ids';
import { describe, expect, test } from 'vitest';
import { hashKey, randomNames } from './names.ts';

describe('the names of a stream', () => {
  test('are of the contract’s shapes and never the same', () => {
    const drawn = Array.from({ length: 200 }, () => ({ id: randomNames.id(), code: randomNames.code(), key: randomNames.key() }));
    for (const { id, code, key } of drawn) {
      expect(Id.parse(id)).toBe(id);
      expect(Code.parse(code)).toBe(code);
      expect(hashKey(key)).toHaveLength(32);
    }
    expect(new Set(drawn.map(({ key }) => key)).size).toBe(200);
    expect(new Set(drawn.map(({ id }) => id)).size).toBe(200);
  });

  test('a text that cannot be a key has no hash', () => {
    for (const text of ['', 'mk_', `mk_${'a'.repeat(39)}`, `mk_${'a'.repeat(41)}`, `mk_${'a'.repeat(39)}/`, `xx_${'a'.repeat(40)}`, `mk_${'a'.repeat(40)}\n`]) {
      expect(hashKey(text)).toBeUndefined();
    }
  });
});
