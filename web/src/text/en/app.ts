/** English of every page: the bar, what state a stream is in, addresses that lead nowhere, pages that break. */
import type { Sentences } from '../sentences.ts';

export const app = {
  'app.name': 'Millrace',
  'app.home': 'Millrace, home',
  'app.skip': 'Skip to content',
  'app.goLive': 'Go live',
  'app.library': 'Library',
  'app.theme.dark': 'Use the dark theme',
  'app.theme.light': 'Use the light theme',
  'app.retry': 'Try again',
  'app.loading': 'Loading',
  'app.copy': 'Copy {what}',
  'app.copied': 'Copied',
  'app.close': 'Close',
  'app.cancel': 'Cancel',

  'time.live': 'Live for {duration}',

  'viewers.count': { one: '{count} viewer', other: '{count} viewers' },

  'status.idle': 'Not live',
  'status.preview': 'Preview',
  'status.live': 'Live',
  'status.reconnecting': 'Reconnecting',
  'status.ended': 'Ended',

  'notFound.title': 'There is nothing at this address',
  'notFound.text': 'The link may be incomplete. If you have a code, type it here.',

  'broken.title': 'Something broke on this page',
  'broken.text': 'It is not your doing. Load the page again; if it stays, tell the person who runs this server.',
  'broken.reload': 'Load again',
} as const satisfies Sentences<'app' | 'time' | 'viewers' | 'status' | 'notFound' | 'broken'>;
