/**
 * A process that tries one encoder, named by its argument, and says whether it works: a driver that crashes or hangs takes nothing else
 * with it. What FFmpeg has to say is on the standard error output.
 */
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { AV_LOG_ERROR } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { parseEncoderSetting } from '../wire.ts';
import { tryEncoder } from './try-encoder.ts';

Log.setLevel(AV_LOG_ERROR);
try {
  tryEncoder(parseEncoderSetting(process.argv[2] ?? ''));
  writeSync(1, 'works');
} catch (error) {
  writeSync(2, error instanceof Error ? error.message : String(error));
}
flushCompileCache();
// Drivers have their troubles with the end of a process as well.
process.kill(process.pid, 'SIGKILL');
