/** The order of codecs in an offer. */
import { expect, it } from 'vitest';
import { orderCodecs } from './codec-order.ts';

const CODECS = [
  { mimeType: 'video/VP8' },
  { mimeType: 'video/rtx' },
  { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' },
  { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
  { mimeType: 'video/AV1' },
];

it('puts H.264 that everybody reads first and loses nothing', () => {
  const ordered = orderCodecs(CODECS);
  expect(ordered.map(({ mimeType }) => mimeType)).toEqual(['video/H264', 'video/H264', 'video/VP8', 'video/AV1', 'video/rtx']);
  expect(ordered[0]?.sdpFmtpLine).toContain('packetization-mode=1');
});

it('follows another wish', () => {
  expect(orderCodecs(CODECS, ['video/AV1'])[0]?.mimeType).toBe('video/AV1');
});
