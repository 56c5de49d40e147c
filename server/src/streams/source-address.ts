/** Checks what people paste to say where a stream is to be fetched from, and says what of it may be shown. */
import { AppError } from '../lib/app-error.ts';

const NETWORK = new Set(['rtmp:', 'rtmps:', 'rtsp:', 'rtsps:', 'srt:', 'http:', 'https:']);

/** A name, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^([a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])$/i;

/** A file of one folder: no way out of it, no hidden ones. */
const FILE = /^file:([^./\\:][^/\\:]*)$/;

/** libsrt is given it as it is. */
const PASSPHRASE = /^[\x21-\x22\x24\x27-\x2a\x2c-\x7e]{10,79}$/;

export interface ParsedSource {
  readonly url: string;
  /** Without user, password, query, and for RTMP the name of the stream. */
  readonly shown: string;
  /** To be checked; undefined for files. */
  readonly host: string | undefined;
}

/** Throws AppError `invalid_request`. */
export function parseSource(text: string): ParsedSource {
  if (text.startsWith('file:')) {
    if (!FILE.test(text)) throw wrong('must be file: and the name of a file, without a folder');
    return { url: text, shown: text, host: undefined };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !NETWORK.has(url.protocol))
    throw wrong('must begin with rtmp://, rtsp://, srt://, http:// or https:// (also rtmps:// and rtsps://), or be file: and the name of a file');
  if (!HOST.test(url.hostname)) throw wrong('must name a server');
  if (url.port === '0') throw wrong('must not have port 0');
  if (url.protocol === 'srt:') checkSrt(url);
  const isRtmp = url.protocol.startsWith('rtmp');
  const path = isRtmp ? url.pathname.replace(/[^/]+$/, '…') : url.pathname;
  return { url: text, shown: `${url.protocol}//${url.host}${url.protocol === 'srt:' ? '' : path}`, host: url.hostname };
}

function checkSrt(url: URL): void {
  if (url.port === '') throw wrong('must have a port, as in srt://camera.example.org:9000');
  if ((url.searchParams.get('mode') ?? 'caller') !== 'caller') throw wrong('must not have another mode than caller: this server calls the source');
  const passphrase = url.searchParams.get('passphrase');
  if (passphrase !== null && !PASSPHRASE.test(passphrase)) throw wrong('must have a passphrase of 10 to 79 letters, digits and signs other than # % & +');
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', { detail: `The address ${message}.`, fields: [{ path: 'url', message }] });
}
