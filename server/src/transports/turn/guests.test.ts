/** Packets on one port are told apart by how they begin (RFC 7983). */
import { StunClass, StunMethod, typeOf } from '@millrace/media/stun/message';
import { expect, test } from 'vitest';
import { isBinding, isMedia } from './guests.ts';

test('DTLS, SRTP and SRTCP are media; STUN, ChannelData and the rest are not', () => {
  const media = Array.from({ length: 256 }, (_, first) => first).filter((first) => isMedia(Uint8Array.of(first, 0, 0, 0)));
  expect([media[0], media.at(-1), media.length]).toEqual([20, 191, 44 + 64]);
  expect(media.filter((first) => first < 128).at(-1)).toBe(63);
  expect(isMedia(new Uint8Array(0))).toBe(false);
});

test('of all that STUN says, Binding in each of its classes is told from the methods of TURN', () => {
  const told = Object.values(StunMethod).flatMap((method) =>
    Object.values(StunClass).flatMap((messageClass) => {
      const type = typeOf(messageClass, method);
      return isBinding(Uint8Array.of(type >> 8, type & 0xff)) ? [{ method, messageClass }] : [];
    }),
  );
  expect(told).toEqual(Object.values(StunClass).map((messageClass) => ({ method: StunMethod.binding, messageClass })));
  expect([new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0x40, 1)].map(isBinding)).toEqual([false, false, false]);
});
