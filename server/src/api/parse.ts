/** Reads what a request brings and checks it against the contract, naming every field that is wrong. */
import { MAX_BODY_BYTES } from '@millrace/contract/limits';
import type { z } from 'zod';
import { AppError } from '../lib/app-error.ts';

/** More wrong fields than this help nobody. */
const MAX_FIELDS = 20;

/** Throws `invalid_request`. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.slice(0, MAX_FIELDS).flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, MAX_FIELDS).map((key) => ({ path: [...path, key.slice(0, 80)].join('.'), message: 'is not a field here' }));
    return [{ path: path.join('.') || 'body', message: issue.message }];
  });
  throw new AppError('invalid_request', { fields });
}

/** Each name once: of `?limit=1&limit=2` nobody can say what is meant. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: URLSearchParams): z.output<Schema> {
  for (const name of query.keys()) {
    if (query.getAll(name).length > 1) throw new AppError('invalid_request', { fields: [{ path: name.slice(0, 80), message: 'is given more than once' }] });
  }
  return parse(schema, Object.fromEntries(query));
}

/** The JSON of a request; `{}` for one without a body. Never reads more than MAX_BODY_BYTES. */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type');
  if (type !== null && !/^application\/json\s*(?:;|$)/i.test(type)) throw new AppError('unsupported_media_type');
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  if (type === null) throw new AppError('unsupported_media_type');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const message = error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'is not UTF-8';
    throw new AppError('invalid_request', { fields: [{ path: 'body', message }] });
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw new AppError('body_too_large');
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest of the body.
  for await (const chunk of request.body) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new AppError('body_too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
