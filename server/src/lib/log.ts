/** The logger as every part sees it; pino satisfies it. Context is bound once with `child`; a key or a token never goes in. */
export interface Log {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  child(fields: object): Log;
}
