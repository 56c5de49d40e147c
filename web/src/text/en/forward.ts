/** English of the services that a broadcast is forwarded to. */
import type { Sentences } from '../sentences.ts';

export const forward = {
  'forward.title': 'Forward to other services',
  'forward.text': 'Each of your broadcasts also goes to the services you add here, as long as it runs.',
  'forward.failed': 'The list of services could not be loaded. Trying again.',
  'forward.add': 'Add a service',
  'forward.add.confirm': 'Add',
  'forward.server': 'Server',
  'forward.server.text': 'The address that the service shows for streaming software. It begins with rtmp://, rtmps:// or srt://.',
  'forward.key': 'Stream key',
  'forward.key.text': 'From the service, too. It is kept locked away and never shown again.',
  'forward.key.show': 'Show the key',
  'forward.name': 'Name, if you like',
  'forward.cancel': 'Cancel',
  'forward.switch': 'Forward to {name}',
  'forward.remove': 'Remove {name}',
  'forward.remove.title': 'Remove {name}?',
  'forward.remove.text': 'Your broadcast no longer goes there, and the key is forgotten.',
  'forward.remove.confirm': 'Remove',
  'forward.state.off': 'Off',
  'forward.state.idle': 'Begins with your next broadcast',
  'forward.state.connecting': 'Connecting…',
  'forward.state.forwarding': 'Sending',
  'forward.state.waiting': 'Not connected. Trying again by itself.',
  'forward.state.refused': 'Turned down. Trying again every minute.',
  'forward.slow': { one: '{count} frame was left out: the service was too slow.', other: '{count} frames were left out: the service was too slow.' },
} as const satisfies Sentences<'forward'>;
