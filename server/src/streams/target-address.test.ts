import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../lib/app-error.ts';
import { parseTarget, partsOf } from './target-address.ts';

describe('the address of a target', () => {
  test.each([
    ['rtmp://live.example.org/app', 'k', 'rtmp://live.example.org/app', 1935, 'app', 'k'],
    ['rtmp://live.example.org:1936/app/', 'k', 'rtmp://live.example.org:1936/app', 1936, 'app', 'k'],
    ['rtmps://live.example.org/a/b', 'k?token=1', 'rtmps://live.example.org/a/b', 443, 'a/b', 'k?token=1'],
    ['rtmp://live.example.org/app/the-key?x=1', undefined, 'rtmp://live.example.org/app', 1935, 'app', 'the-key?x=1'],
    ['rtmp://[2001:db8::1]:1940/app', 'k', 'rtmp://[2001:db8::1]:1940/app', 1940, 'app', 'k'],
    ['srt://live.example.org:9000', undefined, 'srt://live.example.org:9000', 9000, '', ''],
    ['srt://live.example.org:9000?streamid=publish:x&latency=200', undefined, 'srt://live.example.org:9000', 9000, '', 'publish:x'],
    ['srt://live.example.org:9000?streamid=a', 'b', 'srt://live.example.org:9000', 9000, '', 'b'],
  ])('%s with the key %s', (url, key, address, port, app, secretKey) => {
    const parsed = parseTarget(url, key);
    expect(parsed).toMatchObject({ address, port, app, secret: { key: secretKey } });
    const { protocol, host } = parsed;
    expect(partsOf(address)).toEqual({ protocol, host, port, app });
  });

  test('keeps the passphrase of SRT to itself', () => {
    expect(parseTarget('srt://h:1?passphrase=0123456789', undefined)).toMatchObject({ address: 'srt://h:1', secret: { passphrase: '0123456789' } });
  });

  test.each([
    ['http://live.example.org/app', 'k', 'url'],
    ['live.example.org/app', 'k', 'url'],
    ['rtmp:///app', 'k', 'url'],
    ['rtmp://live.example.org', 'k', 'url'],
    ['rtmp://live.example.org/app', undefined, 'key'],
    ['rtmp://live.example.org/app?x=1', 'k', 'url'],
    ['rtmp://user:word@live.example.org/app', 'k', 'url'],
    ['rtmp://a b/app', 'k', 'url'],
    ['rtmp://live.example.org:0/app', 'k', 'url'],
    ['srt://live.example.org', undefined, 'url'],
    ['srt://live.example.org:9000?mode=listener', undefined, 'url'],
    ['srt://live.example.org:9000?passphrase=short', undefined, 'url'],
    ['srt://live.example.org:9000?rcvbuf=99999999', undefined, 'url'],
  ])('is refused with a reason when it is %s with the key %s', (url, key, path) => {
    expect(() => parseTarget(url, key)).toThrow(AppError);
    try {
      parseTarget(url, key);
    } catch (error) {
      expect(error instanceof AppError && error.params.fields).toMatchObject([{ path }]);
    }
  });

  test('never shows what stands for a secret, and throws nothing else, whatever is typed', () => {
    const text = fc.oneof(
      fc.string(),
      fc.webUrl({ withQueryParameters: true }).map((url) => url.replace(/^https?/, 'rtmp')),
      fc.constant('srt://h:1?streamid=tellnobody'),
    );
    fc.assert(
      fc.property(text, fc.option(fc.constant('tellnobody'), { nil: undefined }), (url, key) => {
        try {
          expect(parseTarget(url, key).address).not.toContain('tellnobody');
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
      }),
    );
  });
});
