/** Logging as a dependency: pino satisfies it, tests collect it. */

export interface Log {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  /** A log whose every line carries these fields too. */
  child(fields: object): Log;
}
