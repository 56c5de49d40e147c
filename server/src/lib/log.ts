/** What the parts log through. pino satisfies it; lines go to stderr, since stdout carries the one `ready` line. */

export interface Log {
  /** Gave up on something. */
  error(fields: object, message: string): void;
  /** Recovered from something. */
  warn(fields: object, message: string): void;
  /** One line per life-cycle step. */
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  /** The same log with context bound once. */
  child(fields: object): Log;
}
