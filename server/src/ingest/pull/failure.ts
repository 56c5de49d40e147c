/** What may go wrong on the way to a source, as a code and a sentence for its owner. */
import { AppError } from '../../lib/app-error.ts';
import { errorCodeOf } from '../../lib/start-error.ts';

/** What kept a connection from being made. */
export function connectionFailure(error: unknown, host: string, port: number): AppError {
  if (error instanceof AppError) return error;
  const code = errorCodeOf(error) ?? '';
  const where = `${host}:${port}`;
  const mistrust = mistrustOf(code);
  if (mistrust !== undefined) return new AppError('source_untrusted', { detail: `The certificate that ${where} shows ${mistrust} (${code}).` }, error);
  return new AppError('source_unreachable', { detail: unreachable(code, host, where) }, error);
}

function unreachable(code: string, host: string, where: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `There is no host named ${host}, or its name cannot be looked up now.`;
  if (code === 'ECONNREFUSED') return `Nothing takes connections at ${where}.`;
  if (/^ERR_(SSL|TLS)/.test(code)) return `No secure connection to ${where} could be made (${code}).`;
  return `The connection to ${where} failed${code === '' ? '' : ` (${code})`}.`;
}

/** In OpenSSL's words and Node's; undefined: it is not about trust. */
function mistrustOf(code: string): string | undefined {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'is not valid at this time';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'is for another name';
  if (code === 'CERT_REVOKED' || code === 'CERT_UNTRUSTED' || code === 'CERT_REJECTED') return 'is not to be trusted';
  return /SELF_SIGNED_CERT|^UNABLE_TO_|ISSUER_CERT|CERT_SIGNATURE|CERT_CHAIN|INVALID_CA|INVALID_PURPOSE/.test(code)
    ? 'is signed by an authority that this server does not know'
    : undefined;
}

/** @param why libavformat's word. */
export function readingFailure(why: string): AppError {
  const [, status = ''] = /Server returned (\d)/.exec(why) ?? [];
  if (why.includes('401')) return new AppError('source_refused', { detail: 'The source wants another user name or password (401).' });
  if (why.includes('403')) return new AppError('source_refused', { detail: 'The source refuses this server (403).' });
  if (why.includes('404')) return new AppError('source_not_found', { detail: 'The source has nothing at this address (404).' });
  if (status === '5') return new AppError('source_unreachable', { detail: 'The server of the source has trouble of its own.' });
  return new AppError('source_unreadable', { detail: `The source could not be read (${why}).` });
}
