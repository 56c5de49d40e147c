import { parseDescription } from '@millrace/media/sdp/parse-description';
import { expect, it } from 'vitest';
import { chooseMedia } from './negotiation.ts';

/** The picture of an offer, with these lines at its end. */
function offer(...lines: string[]) {
  return parseDescription(
    [
      'v=0',
      'o=- 1 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'c=IN IP4 0.0.0.0',
      'a=mid:0',
      'a=sendonly',
      'a=rtcp-mux',
      'a=rtpmap:96 VP8/90000',
      ...lines,
      '',
    ].join('\r\n'),
  );
}

const NAMES = 'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';

it('takes the layers of a simulcast offer, named by their packets, and answers with them', () => {
  const [video] = chooseMedia(offer(NAMES, 'a=rid:q send', 'a=rid:h send', 'a=rid:f send', 'a=simulcast:send q;h;~f'));
  expect(video).toMatchObject({ layers: ['q', 'h', 'f'], layerExtension: 10, accepted: { rids: ['q', 'h', 'f'] } });
});

it('takes four layers at most', () => {
  const [video] = chooseMedia(offer(NAMES, 'a=simulcast:send a;b;c;d;e;f'));
  expect(video?.layers).toEqual(['a', 'b', 'c', 'd']);
  expect(video?.accepted.rids).toEqual(['a', 'b', 'c', 'd']);
});

it.each([
  ['one layer', [NAMES, 'a=simulcast:send q']],
  ['the same layer twice', [NAMES, 'a=simulcast:send q;q']],
  ['layers without names', ['a=simulcast:send q;h']],
  ['no layers', [NAMES]],
])('sees one picture in %s', (_what, lines) => {
  expect(chooseMedia(offer(...lines))[0]).toMatchObject({ layers: [], layerExtension: undefined });
});

const NUMBERS = 'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';

it('tells publishers when their packets came if they number them and want to hear it', () => {
  const [video] = chooseMedia(offer(NUMBERS, 'a=rtcp-fb:96 transport-cc'));
  expect(video).toMatchObject({ transportExtension: 3, accepted: { feedback: expect.arrayContaining(['transport-cc']) } });
  for (const lines of [[NUMBERS], ['a=rtcp-fb:96 transport-cc']]) expect(chooseMedia(offer(...lines))[0]?.transportExtension).toBeUndefined();
});
