/** English of sharing: the code, the link, and what a press on Copy copies. */
import type { Sentences } from '../sentences.ts';

export const share = {
  'share.title': 'Share this stream',
  'share.action': 'Share',
  'share.send': 'Send…',
  'share.scan': 'Scan to watch',
  'share.code': 'Code',
  'share.link': 'Link',
  'share.what.link': 'the link',
  'share.what.code': 'the code',
  'share.what.server': 'the server',
  'share.what.secureServer': 'the encrypted server',
  'share.what.key': 'the stream key',
  'share.what.token': 'the bearer token',
  'share.what.whip': 'the WHIP address',
} as const satisfies Sentences<'share'>;
