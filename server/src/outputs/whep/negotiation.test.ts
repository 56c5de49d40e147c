/** What viewers are sent of a stream of H.264 and Opus, by what they offer. */
import { parseDescription } from '@millrace/media/sdp/parse-description';
import { describe, expect, test } from 'vitest';
import { VIDEO } from '../../stream/testing/source.ts';
import { carriedOf } from './from-stream.ts';
import { type Matched, matchTracks, pictureForm } from './negotiation.ts';
import { PacketLog } from './packet-log.ts';

const OPUS = { id: 2, kind: 'audio', codec: 'opus', timescale: 48_000, config: new Uint8Array(11), codecString: 'opus', sampleRate: 48_000, channels: 2 } as const;

const TRACKS = [VIDEO, OPUS].map((track, i) => {
  const carried = carriedOf(track);
  if (!carried) throw new Error(`${track.codec} goes by WebRTC`);
  return { carried, log: new PacketLog({ kind: track.kind, codec: track.codec, ssrc: i + 1, clockRate: carried.clockRate }) };
});

const H264 = 'a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n';
const VP8 = 'a=rtpmap:96 VP8/90000\r\n';
const OPUS_LINE = 'a=rtpmap:111 opus/48000/2\r\n';
const PCMU = 'a=rtpmap:111 PCMU/8000\r\n';

function offerOf(media: { readonly video?: string; readonly audio?: string }) {
  const lines = Object.entries(media).map(
    ([kind, codec]) =>
      `m=${kind} 9 UDP/TLS/RTP/SAVPF ${[...codec.matchAll(/rtpmap:(\d+)/g)].map(([, type]) => type).join(' ')}\r\nc=IN IP4 0.0.0.0\r\na=mid:${kind}\r\na=recvonly\r\na=rtcp-mux\r\n${codec}`,
  );
  return parseDescription(`v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n${lines.join('')}`);
}

function matchedBy(media: { readonly video?: string; readonly audio?: string }): Matched[] {
  return matchTracks(offerOf(media), TRACKS, { cname: 'millrace', streamId: 'one' });
}

function kindsFor(media: { readonly video?: string; readonly audio?: string }): string[] {
  return matchedBy(media).map(({ accepted }) => accepted.medium.kind);
}

describe('matchTracks', () => {
  test('sends both to who takes both', () => {
    expect(kindsFor({ audio: OPUS_LINE, video: H264 })).toEqual(['video', 'audio']);
  });

  test('sends nothing to who wants a picture and cannot show this one: sound alone would pass for the whole', () => {
    expect(kindsFor({ audio: OPUS_LINE, video: VP8 })).toEqual([]);
    expect(kindsFor({ video: VP8, audio: OPUS_LINE })).toEqual([]);
  });

  test('sends nothing to who wants sound and cannot play this one', () => {
    expect(kindsFor({ video: H264, audio: PCMU })).toEqual([]);
  });

  test('sends lost pictures again in a stream of their own to who offers one for this codec', () => {
    const rtx = (apt: number) => `a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=${apt}\r\n`;
    const [matched] = matchedBy({ video: `${H264}${rtx(96)}` });
    expect(matched?.retransmission).toEqual({ payloadType: 97, ssrc: 2 });
    expect(matched?.accepted).toMatchObject({ codecs: [{ payloadType: 96 }, { payloadType: 97 }], retransmission: 2 });
    for (const video of [H264, `${H264}${rtx(98)}`]) expect(matchedBy({ video })[0]).toMatchObject({ retransmission: undefined, accepted: { codecs: [{ payloadType: 96 }] } });
  });

  test('sends half to who asks for no more', () => {
    expect(kindsFor({ video: H264 })).toEqual(['video']);
    expect(kindsFor({ audio: OPUS_LINE })).toEqual(['audio']);
  });
});

describe('pictureForm', () => {
  const HEVC = { ...VIDEO, codec: 'hevc', codecString: 'hvc1.1.6.L93.B0' } as const;
  const H265 = 'a=rtpmap:98 H265/90000\r\na=fmtp:98 profile-id=1;level-id=93\r\n';

  test('is as published for who takes that, and H.264 for who takes nothing else', () => {
    expect(pictureForm(offerOf({ video: H265 }), [HEVC])).toBe('published');
    expect(pictureForm(offerOf({ video: `${VP8}${H264.replaceAll('96', '97')}`, audio: OPUS_LINE }), [OPUS, HEVC])).toBe('h264');
    expect(pictureForm(offerOf({ video: H264 }), [VIDEO])).toBe('published');
  });

  test('is as published, with sizes in H.264, for who takes both in one medium', () => {
    expect(pictureForm(offerOf({ video: `${H264}${H265}` }), [HEVC])).toBe('either');
    const carried = carriedOf({ ...VIDEO, codec: 'vp8', codecString: 'vp8' });
    if (!carried) throw new Error('VP8 goes by WebRTC');
    const track = { carried, log: new PacketLog({ kind: 'video', codec: 'vp8', ssrc: 1, clockRate: carried.clockRate }) };
    const rtx = 'a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n';
    const [matched] = matchTracks(offerOf({ video: `${VP8}${H264.replaceAll('96', '98')}${rtx}` }), [track], { cname: 'millrace', streamId: 'one' });
    expect(matched).toMatchObject({ payloadType: 96, retransmission: { payloadType: 97 } });
    expect(matched?.others).toEqual(new Map([['h264', { payloadType: 98, retransmission: 99 }]]));
    expect(matched?.accepted.codecs.map(({ payloadType }) => payloadType)).toEqual([96, 97, 98, 99]);
  });

  test('is as published for who takes neither, and for who wants no picture', () => {
    expect(pictureForm(offerOf({ video: VP8 }), [HEVC])).toBe('published');
    expect(pictureForm(offerOf({ video: H264.replace('mode=1', 'mode=0') }), [HEVC])).toBe('published');
    expect(pictureForm(offerOf({ audio: OPUS_LINE }), [HEVC])).toBe('published');
    expect(pictureForm(offerOf({ video: H264 }), [OPUS])).toBe('published');
  });
});
