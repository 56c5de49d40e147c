import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../protocol-error.ts';
import type { VideoTrack } from '../track.ts';
import { acceptableCodecs, payloadForTrack, retransmissionOf, retransmissionSource, rtpCodecOf } from './codec-match.ts';
import type { SdpMedia } from './description.ts';
import { parseCandidate, parseFragment, writeFragment } from './fragment.ts';
import { readProfileLevelId } from './h264-profile.ts';
import { MAX_LINE_CHARACTERS, MAX_SDP_CHARACTERS } from './lines.ts';
import { parseDescription } from './parse-description.ts';
import { writeDescription } from './write-description.ts';

/** As browsers write it, shortened. */
const OFFER = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=fingerprint:sha-256 0a:1B:2C:3D
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=ice-options:trickle
a=setup:actpass
a=mid:0
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:stream one
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:0 PCMU/8000
a=ssrc:3735928559 cname:o/i14u9pJrxRKAsu
a=ssrc:3735928559 msid:stream one
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 45 98 100
c=IN IP4 0.0.0.0
a=candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0
a=candidate:1 1 tcp 1518280447 192.168.0.196 9 typ host tcptype active
a=end-of-candidates
a=ice-ufrag:EsAx
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui2
a=setup:actpass
a=mid:1
a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=sendonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:107 H264/90000
a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:45 AV1/90000
a=fmtp:45 level-idx=5;profile=0;tier=0
a=rtpmap:98 VP9/90000
a=fmtp:98 profile-id=2
a=rtpmap:100 H264/90000
a=fmtp:100 profile-level-id=64001f;packetization-mode=1
a=rid:hi send
a=rid:lo send
a=simulcast:send hi;~lo,hi
a=ssrc-group:FID 11 12
a=ssrc:11 cname:o/i14u9pJrxRKAsu
a=ssrc:12
`.replaceAll('\n', '\r\n');

const FRAGMENT = `a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
m=audio 9 RTP/AVP 0
a=mid:0
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1
a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host
a=end-of-candidates
`;

function medium(index: number): SdpMedia {
  const found = parseDescription(OFFER).media[index];
  if (!found) throw new Error(`no medium ${index}`);
  return found;
}

const track = (codec: VideoTrack['codec'], codecString: string): VideoTrack => ({
  id: 1,
  kind: 'video',
  codec,
  timescale: 90_000,
  config: new Uint8Array(0),
  codecString,
  width: 0,
  height: 0,
});

function onlyProtocolErrors(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

describe('a session description', () => {
  test('tells what a browser offers', () => {
    const { bundles, media, iceLite, sessionId } = parseDescription(OFFER);
    expect({ bundles, iceLite, sessionId, kinds: media.map(({ kind }) => kind) }).toEqual({
      bundles: [['0', '1']],
      iceLite: false,
      sessionId: '4611731400430051336',
      kinds: ['audio', 'video'],
    });
    expect(medium(0)).toMatchObject({
      mid: '0',
      direction: 'sendonly',
      ice: { ufrag: 'EsAw' },
      setup: 'actpass',
      fingerprints: [{ algorithm: 'sha-256', value: '0A:1B:2C:3D' }],
      sources: [{ ssrc: 3_735_928_559, cname: 'o/i14u9pJrxRKAsu' }],
      msid: 'stream one',
      rtcpReducedSize: true,
    });
    expect(medium(0).codecs[0]).toEqual({
      payloadType: 111,
      name: 'opus',
      clockRate: 48_000,
      channels: 2,
      parameters: new Map([
        ['minptime', '10'],
        ['useinbandfec', '1'],
      ]),
      feedback: ['transport-cc'],
    });
    expect(medium(1)).toMatchObject({
      extensions: [
        { id: 4, uri: 'urn:ietf:params:rtp-hdrext:sdes:mid' },
        { id: 10, uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id' },
      ],
      rids: [
        { id: 'hi', direction: 'send' },
        { id: 'lo', direction: 'send' },
      ],
      simulcast: { send: ['hi', 'lo'], recv: [] },
      endOfCandidates: true,
      rtcpReducedSize: false,
    });
    expect(medium(1).candidates).toHaveLength(2);
  });

  test('says the same when it is written and read again', () => {
    const description = parseDescription(OFFER);
    const again = parseDescription(writeDescription(description));
    expect(again).toEqual(description);
  });

  test('may end its lines with LF alone', () => {
    expect(parseDescription(OFFER.replaceAll('\r', ''))).toEqual(parseDescription(OFFER));
  });

  test.each([
    ['is empty', '', 'line 1 is not'],
    ['does not begin with its version', OFFER.slice(5), 'v=0'],
    ['has no origin', 'v=0\ns=-', 'origin'],
    ['has a line that is none', `${OFFER}hello`, 'is not a letter'],
    ['has control characters', OFFER.replace('opus', 'op\0us'), 'line'],
    ['has an unknown setup', OFFER.replace('actpass', 'maybe'), 'setup'],
    ['has a short password', OFFER.replace('P2uYro0UCOQ4zxjKXaWCBui1', 'P2'), 'ice-pwd'],
    ['has the same mid twice', OFFER.replace('a=mid:1', 'a=mid:0'), 'same mid'],
    ['has a damaged fingerprint', OFFER.replace('0a:1B', '0a1B'), 'fingerprint'],
    ['has a clock rate of none', OFFER.replace('opus/48000', 'opus/0'), 'rtpmap'],
    ['has a port of none', OFFER.replace('m=audio 9', 'm=audio 99999'), 'm= line'],
    ['has a source that is no number', OFFER.replace('a=ssrc:12', 'a=ssrc:99999999999'), 'ssrc'],
    ['is too long', OFFER.padEnd(MAX_SDP_CHARACTERS + 1, 'a'), 'exceeds'],
    ['has too long a line', `${OFFER}a=${'x'.repeat(MAX_LINE_CHARACTERS)}`, 'exceeds'],
    ['has too many lines', `${OFFER}${'a=x\r\n'.repeat(4_000)}`, 'lines'],
    ['has too many media', `${OFFER}${'m=audio 9 RTP/AVP 0\r\n'.repeat(40)}`, 'media'],
  ])('is refused when it %s', (_, text, message) => {
    expect(() => parseDescription(text)).toThrow(ProtocolError);
    expect(() => parseDescription(text)).toThrow(message);
  });

  test('keeps no more candidates than ICE should check', () => {
    const many = `${OFFER}${'a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n'.repeat(500)}`;
    expect(parseDescription(many).media[1]?.candidates).toHaveLength(64);
  });

  test('throws nothing but ProtocolError, and writes no line that was not one', () => {
    const lines = OFFER.split('\r\n');
    const damaged = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom(...lines))), { maxLength: 8 }).map((changes) => {
      const copy = [...lines];
      for (const [at, text] of changes) {
        const line = copy[at % copy.length] ?? '';
        copy[at % copy.length] = at % 2 === 0 ? text : line.slice(0, at % (line.length + 1)) + text;
      }
      return copy.join('\r\n');
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
        onlyProtocolErrors(() => {
          const description = parseDescription(text);
          for (const media of description.media) acceptableCodecs(media, ['h264', 'opus']);
          expect(parseDescription(writeDescription(description)).media.map(({ candidates }) => candidates)).toEqual(description.media.map(({ candidates }) => candidates));
        });
      }),
      { seed: 20_261_125, numRuns: 1_500 },
    );
  });
});

describe('codecs of an offer', () => {
  test('are known by name and clock', () => {
    expect(medium(1).codecs.map(rtpCodecOf)).toEqual(['vp8', undefined, 'h264', undefined, 'h264', 'av1', 'vp9', 'h264']);
    expect(medium(0).codecs.map(rtpCodecOf)).toEqual(['opus', undefined, undefined]);
  });

  test('of a publisher are taken in our order, whole NAL units last', () => {
    expect(acceptableCodecs(medium(1), ['h264', 'vp8']).map(({ payloadType }) => payloadType)).toEqual([103, 100, 107, 96]);
    expect(acceptableCodecs(medium(1), ['opus'])).toEqual([]);
  });

  test.each([
    ['h264', 'avc1.640028', 100],
    ['h264', 'avc1.4d401f', 100],
    ['h264', 'avc1.42001e', 103],
    ['h264', 'avc1.f4001e', 103],
    ['av1', 'av01.0.04M.08', 45],
    ['av1', 'av01.1.04M.08', undefined],
    ['vp9', 'vp09.02.10.10', 98],
    ['vp9', 'vp09.00.10.08', undefined],
    ['vp8', 'vp08.00.10.08', 96],
    ['hevc', 'hvc1.1.6.L93.B0', undefined],
  ] as const)('carry a track of %s %s as payload type %s', (codec, codecString, payloadType) => {
    expect(payloadForTrack(medium(1), track(codec, codecString))?.payloadType).toBe(payloadType);
  });

  test('name their retransmissions', () => {
    expect(retransmissionOf(medium(1), 103)?.payloadType).toBe(104);
    expect(retransmissionOf(medium(1), 45)).toBeUndefined();
    expect(retransmissionSource(medium(1), 11)).toBe(12);
  });

  test.each([
    ['42e01f', 'constrained-baseline', 31],
    ['42001f', 'baseline', 31],
    ['4d0032', 'main', 50],
    ['64001f', 'high', 31],
    ['640c2a', 'constrained-high', 42],
    ['42f00b', 'constrained-baseline', 9],
  ])('profile-level-id %s is %s', (text, profile, level) => {
    expect(readProfileLevelId(text)).toEqual({ profile, level });
  });

  test('of no known profile are told so', () => {
    expect(readProfileLevelId('ff001f')).toBeUndefined();
    expect(readProfileLevelId('42e0')).toBeUndefined();
  });
});

describe('a trickled fragment', () => {
  test('names credentials and candidates of a medium (RFC 9725 §4.3)', () => {
    const fragment = parseFragment(FRAGMENT);
    expect(fragment).toMatchObject({ ice: { ufrag: 'EsAw' }, media: [{ mid: '0', endOfCandidates: true }] });
    expect(fragment.media[0]?.candidates.map(parseCandidate)).toMatchObject([
      { type: 'host', address: '192.0.2.1', port: 61_764, transport: 'udp', component: 1, priority: 2_122_260_223 },
      { address: '198.51.100.2' },
    ]);
    expect(parseFragment(writeFragment(fragment))).toEqual(fragment);
  });

  test('may be empty, or credentials alone', () => {
    expect(parseFragment('')).toEqual({ ice: undefined, media: [] });
    expect(parseFragment('a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n').ice?.pwd).toBe('P2uYro0UCOQ4zxjKXaWCBui1');
  });

  test.each(['m=audio 9 RTP/AVP 0\r\n', 'a=candidate:1 1 udp 1 192.0.2.1 1 typ host', 'a=ice-ufrag:EsAw', 'nothing'])('is refused: %s', (text) => {
    expect(() => parseFragment(text)).toThrow(ProtocolError);
  });

  test.each(['', '1 1 udp 1 192.0.2.1 70000 typ host', '1 1 sctp 1 192.0.2.1 1 typ host', '1 1 udp 1 "; rm 1 typ host', '1 1 udp 1 192.0.2.1 1 typ guest'])(
    'passes over the candidate "%s"',
    (text) => {
      expect(parseCandidate(text)).toBeUndefined();
    },
  );

  test('throws nothing but ProtocolError', () => {
    const lines = FRAGMENT.split('\n');
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...lines), fc.string()), { maxLength: 12 }), (parts) => {
        onlyProtocolErrors(() => parseFragment(parts.join('\n')).media.flatMap(({ candidates }) => candidates.map(parseCandidate)));
      }),
      { seed: 20_261_126 },
    );
  });
});
