import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../lib/app-error.ts';
import { parseSource } from './source-address.ts';

describe('the address of a source', () => {
  test.each([
    ['rtsp://user:word@camera.lan:8554/h264?x=1', 'rtsp://camera.lan:8554/h264', 'camera.lan'],
    ['rtmp://live.example.org/app/the-key', 'rtmp://live.example.org/app/…', 'live.example.org'],
    ['https://live.example.org/hls/index.m3u8?token=t', 'https://live.example.org/hls/index.m3u8', 'live.example.org'],
    ['srt://[2001:db8::1]:9000?streamid=s&passphrase=0123456789', 'srt://[2001:db8::1]:9000', '[2001:db8::1]'],
    ['file:loop one.mp4', 'file:loop one.mp4', undefined],
  ])('%s is shown as %s', (url, shown, host) => {
    expect(parseSource(url)).toEqual({ url, shown, host });
  });

  test.each([
    'ftp://live.example.org/x',
    'udp://@:5000',
    'camera.lan',
    'rtsp:///x',
    'srt://live.example.org',
    'srt://live.example.org:9000?mode=listener',
    'srt://live.example.org:9000?passphrase=0123456789%26mode=listener',
    'http://live.example.org:0/',
    'file:/etc/passwd',
    'file://etc/passwd',
    'file:../x.mp4',
    'file:.hidden',
    'file:a\\b',
    'concat:a|b',
  ])('is refused when it is %s', (url) => {
    expect(() => parseSource(url)).toThrow(AppError);
  });

  test('never shows its secrets, and throws nothing else, whatever is typed', () => {
    const url = fc.webUrl({ withQueryParameters: true }).map((text) => text.replace(/^https?:\/\//, 'rtsp://tellnobody:tellnobody@'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          url,
          fc.string().map((text) => `file:${text}`),
        ),
        (text) => {
          try {
            expect(parseSource(text).shown).not.toContain('tellnobody');
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
          }
        },
      ),
    );
  });
});
