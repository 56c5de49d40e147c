import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { diskError, listenError, StartError } from './start-error.ts';

test('a port in use is named with what to do about it', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const address = first.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const second = createServer().listen(port, '127.0.0.1');
  const [failure] = await once(second, 'error');
  first.close();
  const error = listenError(failure, { name: 'RTMP', port, key: 'RTMP_PORT' });
  expect(error).toBeInstanceOf(StartError);
  expect(String(error)).toContain(`Port ${port} for RTMP is in use by another program. Stop that program or choose another port with RTMP_PORT.`);
});

test('a full disk is named by what could not be written', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', path: '/data/lock' });
  expect(String(diskError(full))).toBe('StartError: /data/lock cannot be written: the disk is full. Make room on it, or choose another data folder with DATA_DIR.');
  expect(diskError(Object.assign(new Error('could not extend file'), { code: '53100' }))).toBeInstanceOf(StartError);
  const failure = new Error('else');
  expect(diskError(failure)).toBe(failure);
});

test('a failure that is not about listening stays what it is', () => {
  const failure = new Error('else');
  expect(listenError(failure, { name: 'RTMP', port: 1, key: 'RTMP_PORT' })).toBe(failure);
});
