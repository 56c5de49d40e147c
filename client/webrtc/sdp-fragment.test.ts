/** Fragments of SDP for trickled candidates and ICE restarts. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fragmentOf, iceCredentialsOf, withRestartedIce } from './sdp-fragment.ts';

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

it('puts the restarted credentials and candidates into the server’s description', () => {
  const remote = ['v=0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'a=ice-ufrag:old', 'a=ice-pwd:oldpwd', 'a=candidate:9 1 udp 1 192.0.2.1 1 typ host', ''].join('\r\n');
  const restarted = withRestartedIce(remote, `a=ice-ufrag:new\r\na=ice-pwd:newpwd\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=${HOST}\r\n`) ?? '';
  expect(iceCredentialsOf(restarted)).toEqual({ ufrag: 'new', pwd: 'newpwd' });
  expect(restarted).toContain(HOST);
  expect(restarted).not.toContain('192.0.2.1');
  expect(withRestartedIce(remote, 'nothing here')).toBeUndefined();
});

it('survives any text', () => {
  const line = fc.constantFrom('a=ice-ufrag:x', 'a=ice-pwd:y', 'm=video 9', 'm=', 'a=mid:0', 'a=mid:', 'a=candidate:1', '\r\n', '\n', '');
  const text = fc.oneof(
    fc.string(),
    fc.array(line, { maxLength: 200 }).map((lines) => lines.join('\n')),
  );
  fc.assert(
    fc.property(text, text, (sdp, other) => {
      expect(fragmentOf(sdp, [{ candidate: HOST, mid: null }], true)).toContain(HOST);
      const restarted = withRestartedIce(sdp, other);
      if (restarted !== undefined && iceCredentialsOf(sdp)) expect(iceCredentialsOf(restarted)).toEqual(iceCredentialsOf(other));
    }),
    { seed: 8840 },
  );
});
