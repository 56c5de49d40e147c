import { describe, expect, test } from 'vitest';
import { AppError } from '../../lib/app-error.ts';
import { connectionFailure, readingFailure } from './failure.ts';

const withCode = (code: string) => Object.assign(new Error('as the system says'), { code });

describe('what kept a connection from being made', () => {
  test.each([
    ['ENOTFOUND', 'source_unreachable', 'There is no host named camera.example.org, or its name cannot be looked up now.'],
    ['ECONNREFUSED', 'source_unreachable', 'Nothing takes connections at camera.example.org:322.'],
    ['ECONNRESET', 'source_unreachable', 'The connection to camera.example.org:322 failed (ECONNRESET).'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'source_unreachable', 'No secure connection to camera.example.org:322 could be made (ERR_SSL_WRONG_VERSION_NUMBER).'],
    ['CERT_HAS_EXPIRED', 'source_untrusted', 'The certificate that camera.example.org:322 shows is not valid at this time (CERT_HAS_EXPIRED).'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'source_untrusted', 'The certificate that camera.example.org:322 shows is for another name (ERR_TLS_CERT_ALTNAME_INVALID).'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'source_untrusted', / is signed by an authority that this server does not know /],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'source_untrusted', / is signed by an authority that this server does not know /],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'source_untrusted', / is signed by an authority that this server does not know /],
  ])('%s is %s', (code, problem, sentence) => {
    const failure = connectionFailure(withCode(code), 'camera.example.org', 322);
    expect(failure.code).toBe(problem);
    expect(failure.message).toEqual(typeof sentence === 'string' ? sentence : expect.stringMatching(sentence));
  });

  test('is told as it is when it has a code already', () => {
    const refused = new AppError('address_not_allowed');
    expect(connectionFailure(refused, 'camera.example.org', 322)).toBe(refused);
  });
});

test.each([
  ['Server returned 401 Unauthorized (authorization failed)', 'source_refused'],
  ['Server returned 403 Forbidden (access denied)', 'source_refused'],
  ['Server returned 404 Not Found', 'source_not_found'],
  ['Server returned 5XX Server Error reply', 'source_unreachable'],
  ['Invalid data found when processing input', 'source_unreadable'],
  ['there is neither picture nor sound in it', 'source_unreadable'],
])('“%s” is %s', (why, problem) => {
  expect(readingFailure(why).code).toBe(problem);
});
