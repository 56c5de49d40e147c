/** Which media of an offer an answer keeps, and where its transport stands. */
import { parseDescription } from '@millrace/media/sdp/parse-description';
import { expect, test } from 'vitest';
import { writeAnswer } from './answer.ts';

const LOCAL = { iceUfrag: 'here', icePwd: 'a'.repeat(22), fingerprint: 'sha-256 AB:CD', setup: 'passive', candidates: ['1 1 udp 1 192.0.2.1 8189 typ host'] } as const;

const SOUND =
  'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtcp-fb:111 transport-cc\r\n';
const PICTURE = 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n';
const DATA = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=sctp-port:5000\r\n';

/** The answer to an offer of these media in one bundle, of which the picture is taken. */
function answerTo(...media: readonly string[]): ReturnType<typeof parseDescription> {
  const offer = parseDescription(`v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n${media.join('')}`);
  const medium = offer.media.find(({ kind }) => kind === 'video');
  if (!medium) throw new Error('no picture is offered');
  return parseDescription(writeAnswer(offer, [{ medium, direction: 'sendonly', codecs: medium.codecs, feedback: [] }], LOCAL));
}

test('the first medium of the bundle stays, silent, when nothing is sent in it: browsers have their transport there', () => {
  const { bundles, media } = answerTo(SOUND, PICTURE);
  expect(bundles).toEqual([['0', '1']]);
  expect(media.map(({ port, direction, candidates }) => [port, direction, candidates.length])).toEqual([
    [9, 'inactive', 1],
    [9, 'sendonly', 0],
  ]);
  expect(media[0]).toMatchObject({ ice: { ufrag: 'here' }, setup: 'passive', codecs: [{ payloadType: 111, feedback: [] }], sources: [] });
});

test('one that cannot stay is refused, and the next carries the transport', () => {
  for (const first of [DATA, SOUND.replace('audio 9', 'audio 0')]) {
    const { bundles, media } = answerTo(first, PICTURE);
    expect(bundles).toEqual([['1']]);
    expect(media.map(({ port, candidates }) => [port, candidates.length])).toEqual([
      [0, 0],
      [9, 1],
    ]);
  }
});

test('media behind the first are refused when nothing is sent in them', () => {
  const { bundles, media } = answerTo(PICTURE.replace('mid:1', 'mid:0'), SOUND.replace('mid:0', 'mid:1'));
  expect(bundles).toEqual([['0']]);
  expect(media.map(({ port }) => port)).toEqual([9, 0]);
});
