import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { PublicAddresses } from '../../lib/public-address.ts';
import { MediaProcesses } from '../../transports/ffmpeg/media-processes.ts';
import { srtSenders } from './srt-sender.ts';
import { TargetFailed } from './target.ts';

test('a target waits for a free process', async () => {
  const processes = new MediaProcesses({ max: 0 });
  const senders = srtSenders({ addresses: new PublicAddresses({ allowPrivate: true, isOwnAddress: () => false }), clock: systemClock, processes });
  const target = { id: 't', protocol: 'srt', host: '127.0.0.1', port: 9, app: '', key: '', passphrase: '' } as const;
  const opening = senders.open({ target, tracks: [], signal: new AbortController().signal });
  await expect(opening).rejects.toThrow(new TargetFailed('This server fetches and forwards as much as it may: 0 at once.'));
  expect(processes.counters).toEqual({ running: 0, refused: 1 });
});
