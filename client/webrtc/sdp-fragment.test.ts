/** Fragments of SDP for trickled candidates and ICE restarts. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fragmentOf } from './sdp-fragment.ts';

const LOCAL = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:abcd', 'a=ice-pwd:secretsecretsecretsecret', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:1', ''].join(
  '\r\n',
);
const HOST = 'candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host';

it('carries credentials, candidates by media and the end of candidates', () => {
  expect(fragmentOf(LOCAL, [{ candidate: HOST, mid: '0' }], true).split('\r\n')).toEqual([
    'a=ice-ufrag:abcd',
    'a=ice-pwd:secretsecretsecretsecret',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=mid:0',
    `a=${HOST}`,
    'a=end-of-candidates',
    '',
  ]);
  expect(fragmentOf(LOCAL, [{ candidate: HOST, mid: '1' }], false)).toContain('a=mid:1');
  expect(fragmentOf(LOCAL, [{ candidate: HOST, mid: '1' }], false)).not.toContain('a=mid:0');
});

it('survives any text', () => {
  const line = fc.constantFrom('a=ice-ufrag:x', 'a=ice-pwd:y', 'm=video 9', 'm=', 'a=mid:0', 'a=mid:', 'a=candidate:1', '\r\n', '\n', '');
  const text = fc.oneof(
    fc.string(),
    fc.array(line, { maxLength: 200 }).map((lines) => lines.join('\n')),
  );
  fc.assert(
    fc.property(text, (sdp) => {
      expect(fragmentOf(sdp, [{ candidate: HOST, mid: null }], true)).toContain(HOST);
    }),
    { seed: 8840 },
  );
});
