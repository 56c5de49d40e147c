/** The log as lines of JSON on stderr, in which no key, token or cookie can appear. */
import { type DestinationStream, destination, pino } from 'pino';
import type { Log } from '../lib/log.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

/** Fields that hold secrets wherever they turn up; three levels deep is deeper than anything that is logged. */
const SECRET_FIELDS = ['key', 'streamKey', 'token', 'password', 'secret', 'authorization', 'cookie', 'set-cookie', 'databaseUrl'];
const SECRET_PATHS = SECRET_FIELDS.flatMap((field) => ['', '*.', '*.*.'].map((prefix) => `${prefix}["${field}"]`.replace('.[', '[')));

const HIDDEN = '[hidden]';

/** Secrets by their looks, for those inside of messages, addresses and stacks. */
const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/mk_[A-Za-z0-9]{6,}/g, HIDDEN],
  [/whsec_[A-Za-z0-9+/=]{6,}/g, HIDDEN],
  [/([?&](?:token|key)=)[^&\s"'\\#]+/gi, `$1${HIDDEN}`],
  [/(bearer[ .]\s*)[\w.~+/=%-]+/gi, `$1${HIDDEN}`],
  [/(millrace_session=)[^;\s"'\\]+/g, `$1${HIDDEN}`],
  [/(\w{1,20}:\/\/[^:@/\s"]{1,200}:)[^@/\s"]{1,200}@/g, `$1${HIDDEN}@`],
];

export function scrub(line: string): string {
  let scrubbed = line;
  for (const [pattern, replacement] of SECRET_TEXTS) scrubbed = scrubbed.replace(pattern, replacement);
  return scrubbed;
}

/** @param stream where lines go; stderr unless a test listens. Synchronous, so that the last line before a crash is there. */
export function makeLog(level: LogLevel, stream: DestinationStream = destination({ dest: 2, sync: true })): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: HIDDEN },
      hooks: { streamWrite: scrub },
    },
    stream,
  );
}
