/** Why the server cannot start, in a sentence that says what is wrong and what to do. Printed alone, without a stack. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StartError';
  }
}

/** The `code` of a Node or PostgreSQL error, like `EADDRINUSE`. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Puts a full disk into a sentence; anything else is returned as it is. */
export function diskError(error: unknown): unknown {
  switch (errorCodeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartError(`${pathOf(error) ?? 'The data folder'} cannot be written: the disk is full. Make room on it, or choose another data folder with DATA_DIR.`, error);
    // disk_full of PostgreSQL.
    case '53100':
      return new StartError('The disk of the database is full. Make room on it, then start again.', error);
    default:
      return error;
  }
}

function pathOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

/** Puts the failure of a listening socket into a sentence; anything else is returned as it is. */
export function listenError(error: unknown, what: { readonly name: string; readonly port: number; readonly key: string }): unknown {
  switch (errorCodeOf(error)) {
    case 'EADDRINUSE':
      return new StartError(`Port ${what.port} for ${what.name} is in use by another program. Stop that program or choose another port with ${what.key}.`, error);
    case 'EACCES':
      return new StartError(`Port ${what.port} for ${what.name} may not be opened by this user. Choose a port above 1023 with ${what.key}.`, error);
    case 'EADDRNOTAVAIL':
      return new StartError(`${what.name} cannot listen on port ${what.port}: this machine does not have the address in HOST.`, error);
    default:
      return error;
  }
}
