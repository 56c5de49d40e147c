/** English of the first page: a code to watch, what is live now. */
import type { Sentences } from '../sentences.ts';

export const home = {
  'home.title': 'Watch with a code',
  'home.lead': 'Type the six characters that the host gave you.',
  'home.code': 'Code',
  'home.code.bad': 'Codes have no 0, O, 1, I or L. Look again.',
  'home.or': 'or',
  'home.goLive.lead': 'Show something yourself.',
  'home.live': 'Live now',
  'home.live.error': 'What is live cannot be read right now. Trying again by itself.',
  'home.empty.title': 'Nothing public is live.',
  'home.empty.lead': 'There are two ways to begin.',
  'home.empty.watch': 'Watch',
  'home.empty.watch.text': 'Somebody gave you a code or a link? Type the code above. It works for streams that are not listed here.',
  'home.empty.live': 'Go live',
  'home.empty.live.text': 'Send video from this device, or from OBS and other encoders. You get a code to share in a minute.',
} as const satisfies Sentences<'home'>;
