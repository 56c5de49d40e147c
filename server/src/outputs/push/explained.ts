/** What may go wrong on the way to a target, put into words. */
import { ProtocolError } from '@millrace/media/protocol-error';
import { PublishRefused } from '@millrace/media/rtmp/publish-client';
import { AppError } from '../../lib/app-error.ts';
import { errorCodeOf } from '../../lib/start-error.ts';
import { type PushTarget, TargetFailed, TargetRefused } from './target.ts';

/** What went wrong, in a sentence for the owner that tells no secret. */
export function explained(error: unknown, { host, port, key }: Pick<PushTarget, 'host' | 'port' | 'key'>): Error {
  if (error instanceof TargetFailed || error instanceof TargetRefused) return error;
  // Services repeat in their answers what they were sent.
  if (error instanceof PublishRefused)
    return new TargetRefused(`The service refused the broadcast: ${(key === '' ? error.message : error.message.replaceAll(key, '…')).replace(/\.+$/, '')}.`);
  if (error instanceof AppError) return error.code === 'media_processes_exhausted' ? new TargetFailed(error.message) : new TargetRefused(error.message);
  if (error instanceof ProtocolError) return new TargetFailed(`What answers at ${host}:${port} is not as expected: ${error.message}.`);
  const code = errorCodeOf(error) ?? '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new TargetFailed(`There is no host named ${host}, or its name cannot be looked up now.`);
  if (code === 'ECONNREFUSED') return new TargetFailed(`Nothing takes connections at ${host}:${port}.`);
  if (code === 'ECONNRESET' || code === 'EPIPE') return new TargetFailed('The service closed the connection.');
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return new TargetFailed(`${host}:${port} cannot be reached.`);
  if (/CERT|SIGNATURE|ALTNAME|^ERR_(TLS|SSL)/.test(code)) return new TargetFailed(`No secure connection to ${host}:${port} could be made (${code}).`);
  return new TargetFailed(`The connection to ${host}:${port} failed${code === '' ? '' : ` (${code})`}.`);
}
