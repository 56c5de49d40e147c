/** Takes apart what people paste to say where a broadcast is to be forwarded: the address that may be shown, and the secrets that may not. */
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { rtmp: 1935, rtmps: 443 };

/** A name, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^([a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])$/i;

/** Of SRT: longer or shorter than this no key is made of it. */
const PASSPHRASE = { min: 10, max: 79 } as const;

/** What SRT addresses may say besides; it changes nothing here. */
const SRT_REST = new Set(['mode', 'latency', 'pbkeylen', 'transtype']);

export const TargetSecret = z.strictObject({ key: z.string(), passphrase: z.string() });
export type TargetSecret = z.infer<typeof TargetSecret>;

/** The parts of an address that may be shown. */
export interface TargetParts {
  readonly protocol: 'rtmp' | 'rtmps' | 'srt';
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** RTMP's application; empty for SRT. */
  readonly app: string;
}

export interface ParsedTarget extends TargetParts {
  readonly address: string;
  readonly secret: TargetSecret;
}

/** Throws AppError `invalid_request`. */
export function parseTarget(text: string, key: string | undefined): ParsedTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol.slice(0, -1);
  if (!url || (protocol !== 'rtmp' && protocol !== 'rtmps' && protocol !== 'srt')) throw wrong('url', 'must begin with rtmp://, rtmps:// or srt://');
  if (!HOST.test(url.hostname)) throw wrong('url', 'must name a server');
  if (url.username !== '' || url.password !== '') throw wrong('url', 'must not have a user name or a password');
  return protocol === 'srt' ? parseSrt(url, key) : parseRtmp(url, protocol, key);
}

/** The parts of an address that `parseTarget` wrote. */
export function partsOf(address: string): TargetParts {
  const { protocol, host, port, app } = parseTarget(address, 'any');
  return { protocol, host, port, app };
}

function parseRtmp(url: URL, protocol: 'rtmp' | 'rtmps', given: string | undefined): ParsedTarget {
  const parts = url.pathname.split('/').filter((part) => part !== '');
  if (given !== undefined && url.search !== '') throw wrong('url', 'must not have a question mark when there is a key: it belongs to the key');
  // Without a key of its own the address ends with it.
  const key = given ?? (parts.length > 1 ? `${parts.pop() ?? ''}${url.search}` : undefined);
  if (key === undefined) throw wrong('key', 'is needed: the service shows it beside the server’s address');
  const app = parts.join('/');
  if (app === '') throw wrong('url', 'must name an application behind the server, as in rtmp://live.example.org/app');
  const port = url.port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(url.port);
  if (port === 0) throw wrong('url', 'must not have port 0');
  const shownPort = port === DEFAULT_PORTS[protocol] ? '' : `:${port}`;
  return { protocol, host: bare(url.hostname), port, app, address: `${protocol}://${url.hostname}${shownPort}/${app}`, secret: { key, passphrase: '' } };
}

function parseSrt(url: URL, given: string | undefined): ParsedTarget {
  if (url.port === '' || url.port === '0') throw wrong('url', 'must have a port, as in srt://live.example.org:9000');
  const query = url.searchParams;
  for (const name of query.keys()) if (name !== 'streamid' && name !== 'passphrase' && !SRT_REST.has(name)) throw wrong('url', `must not have ${name}`);
  if ((query.get('mode') ?? 'caller') !== 'caller') throw wrong('url', 'must not have another mode than caller: this server calls the service');
  const passphrase = query.get('passphrase') ?? '';
  if (passphrase !== '' && (passphrase.length < PASSPHRASE.min || passphrase.length > PASSPHRASE.max))
    throw wrong('url', `must have a passphrase of ${PASSPHRASE.min} to ${PASSPHRASE.max} characters`);
  if (!/^[\x21-\x7e]*$/.test(passphrase) || /[&+%#]/.test(passphrase)) throw wrong('url', 'must have a passphrase of letters, digits and signs other than & + % #');
  const address = `srt://${url.hostname}:${url.port}`;
  return { protocol: 'srt', host: bare(url.hostname), port: Number(url.port), app: '', address, secret: { key: given ?? query.get('streamid') ?? '', passphrase } };
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function wrong(path: string, message: string): AppError {
  return new AppError('invalid_request', { detail: `The ${path === 'url' ? 'address' : 'key'} ${message}.`, fields: [{ path, message }] });
}
