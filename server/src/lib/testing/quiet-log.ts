/** For tests: a log that keeps its lines. */
import type { Log } from '../log.ts';

export interface QuietLog extends Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[];
}

export function quietLog(): QuietLog {
  const lines: QuietLog['lines'] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  const log: QuietLog = { lines, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), child: () => log };
  return log;
}
