/** What went wrong with object storage, as a code and a sentence for the person who can do something about it. */
import type { ErrorCode } from '@millrace/contract/errors';
import { AppError } from '../lib/app-error.ts';
import { errorCodeOf } from '../lib/start-error.ts';

/** As servers name it: Amazon's names, and those that others add. */
const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  InvalidAccessKeyId: 'storage_refused',
  SignatureDoesNotMatch: 'storage_refused',
  AccessDenied: 'storage_refused',
  AllAccessDisabled: 'storage_refused',
  ExpiredToken: 'storage_refused',
  InvalidToken: 'storage_refused',
  NoSuchBucket: 'storage_bucket_missing',
  PermanentRedirect: 'storage_bucket_missing',
  AuthorizationHeaderMalformed: 'storage_bucket_missing',
  QuotaExceeded: 'storage_full',
  XMinioStorageFull: 'storage_full',
  XMinioAdminBucketQuotaExceeded: 'storage_full',
  StorageFull: 'storage_full',
  InsufficientStorage: 'storage_full',
  EntityTooLarge: 'storage_full',
  NoSuchUpload: 'storage_upload_lost',
};

/** Where the name says nothing. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = { 301: 'storage_bucket_missing', 401: 'storage_refused', 403: 'storage_refused', 507: 'storage_full' };

/** The failure of a call of the S3 client. */
export function storageError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, status } = describe(error);
  const code = BY_NAME[name] ?? (status === undefined ? undefined : BY_STATUS[status]) ?? 'storage_unreachable';
  const said = [status, name].filter((part) => part !== undefined && part !== 'Error').join(' ') || (errorCodeOf(error) ?? 'no reason');
  return new AppError(code, { detail: `${SENTENCES[code] ?? ''} (${said})`.trim() }, error);
}

const SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = {
  storage_refused: 'The object storage refuses the credentials, or what they may do: check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.',
  storage_bucket_missing: 'The object storage has no such bucket in this region: check S3_BUCKET and S3_REGION.',
  storage_full: 'The object storage is full.',
  storage_upload_lost: 'The object storage has forgotten an upload that was not finished.',
  storage_unreachable: 'The object storage cannot be reached, or does not answer: check S3_ENDPOINT.',
};

/** The name in the answer, or of the system's error; and the status. */
function describe(error: unknown): { readonly name: string; readonly status: number | undefined } {
  if (!(error instanceof Error)) return { name: '', status: undefined };
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  const status =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
  return { name: errorCodeOf(error) ?? error.name, status };
}
