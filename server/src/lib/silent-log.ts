/** A log that says nothing, for tests whose subject does not log. */
import type { Log } from './log.ts';

export const silentLog: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLog,
};
