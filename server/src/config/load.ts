/** Reads the settings: defaults, then the file, then the environment. Nothing else in the server reads the environment. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { errorCodeOf } from '../lib/start-error.ts';
import type { Subnet } from '../lib/subnet.ts';
import { ConfigError } from './config-error.ts';
import { Settings } from './schema.ts';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The relay: ours, another one, or none. */
export type TurnConfig =
  | { readonly kind: 'off' }
  | { readonly kind: 'elsewhere'; readonly urls: readonly string[]; readonly secret: string }
  | {
      readonly kind: 'built-in';
      readonly port: number;
      /** Undefined: off. */
      readonly tlsPort: number | undefined;
      readonly minPort: number;
      readonly maxPort: number;
      readonly allowedPeers: readonly Subnet[];
      readonly maxAllocations: number;
      readonly userBytesPerSecond: number;
    };

/** IANA's port for TURN over TLS. */
const DEFAULT_TURNS_PORT = 5349;

export interface S3Config {
  /** Without a slash at the end; undefined: Amazon's own. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface AcmeConfig {
  /** The public name, which the certificate is for. */
  readonly domain: string;
  readonly email: string | undefined;
  readonly directoryUrl: string;
}

export interface Config {
  readonly host: string;
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly rtmpPort: number;
  readonly rtmpsPort: number | undefined;
  readonly webrtc: { readonly port: number; readonly addresses: readonly string[] };
  /** The operator's own certificate. */
  readonly tls: TlsFiles | undefined;
  readonly acme: AcmeConfig | undefined;
  /** Absolute. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  /** An origin, without a slash at the end. */
  readonly publicUrl: string | undefined;
  readonly trustProxy: boolean;
  readonly turn: TurnConfig;
  readonly logLevel: Settings['LOG_LEVEL'];
  readonly guests: Settings['GUESTS'];
  /** Object storage; undefined: recordings stay on this machine. */
  readonly s3: S3Config | undefined;
  /** For hosts that users name. */
  readonly allowPrivateAddresses: boolean;
  /** Absolute. */
  readonly mediaDir: string | undefined;
  /** Processes that fetch or forward, at once. */
  readonly mediaProcesses: number;
  readonly reconnectGraceMs: number;
  /** FFmpeg processes at once. */
  readonly transcodeWorkers: number;
  /** Free space below which nothing is recorded. */
  readonly minFreeBytes: number;
  /** What one owner's recordings may take; infinity: anything. */
  readonly recordingQuotaBytes: number;
  /** After its upload, until a recording lies in object storage alone; infinity: it stays here as well. */
  readonly localCopyMs: number;
  /** The sizes that ladders have, and whether hardware may encode them. */
  readonly ladder: { readonly tiers: Settings['LADDER']; readonly hardware: boolean };
}

export interface ConfigSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where `millrace.json` is looked for and relative paths begin. */
  readonly folder: string;
}

/** As disks are sold. */
const GIGABYTE = 1_000_000_000;

const DAY_MS = 24 * 3600_000;

const DEFAULT_FILE = 'millrace.json';

/** Throws ConfigError. */
export async function loadConfig({ environment, folder }: ConfigSources = { environment: process.env, folder: process.cwd() }): Promise<Config> {
  const named = environment['CONFIG_FILE'];
  const fromFile = await readSettingsFile(resolve(folder, named ?? DEFAULT_FILE), named !== undefined);
  const fromEnvironment: Record<string, string> = {};
  for (const key of Object.keys(Settings.shape)) {
    const value = environment[key];
    // An empty variable is how a shell or a compose file says "not set".
    if (value !== undefined && value !== '') fromEnvironment[key] = value;
  }
  const given = { ...fromFile, ...fromEnvironment };
  const parsed = Settings.safeParse(given);
  if (!parsed.success) throw configErrorOf(parsed.error, given);
  return configOf(parsed.data, folder);
}

async function readSettingsFile(path: string, mustExist: boolean): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT' && !mustExist) return {};
    throw new ConfigError('CONFIG_FILE', `The settings file ${path} cannot be read (${errorCodeOf(error) ?? 'unknown'}). CONFIG_FILE must name a readable JSON file.`);
  }
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not an object';
    throw new ConfigError('CONFIG_FILE', `The settings file ${path} is not a JSON object: ${reason}.`);
  }
}

function configOf(settings: Settings, folder: string): Config {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = settings;
  if (certFile === undefined && keyFile !== undefined)
    throw new ConfigError('TLS_CERT_FILE', 'TLS_CERT_FILE is not set, but TLS_KEY_FILE is: give the path of the certificate in PEM form, too.');
  if (certFile !== undefined && keyFile === undefined)
    throw new ConfigError('TLS_KEY_FILE', 'TLS_KEY_FILE is not set, but TLS_CERT_FILE is: give the path of the certificate’s key in PEM form, too.');
  return {
    host: settings.HOST,
    httpPort: settings.PORT,
    httpsPort: portOf(settings.HTTPS_PORT),
    rtmpPort: settings.RTMP_PORT,
    rtmpsPort: portOf(settings.RTMPS_PORT),
    webrtc: { port: settings.WEBRTC_PORT, addresses: settings.WEBRTC_ADDRESSES },
    tls: certFile !== undefined && keyFile !== undefined ? { certFile: resolve(folder, certFile), keyFile: resolve(folder, keyFile) } : undefined,
    acme: acmeOf(settings),
    dataDir: resolve(folder, settings.DATA_DIR),
    databaseUrl: settings.DATABASE_URL,
    publicUrl: settings.PUBLIC_URL,
    trustProxy: settings.TRUST_PROXY,
    turn: turnConfigOf(settings, certFile !== undefined || settings.ACME),
    logLevel: settings.LOG_LEVEL,
    guests: settings.GUESTS,
    s3: s3ConfigOf(settings),
    allowPrivateAddresses: settings.ALLOW_PRIVATE_ADDRESSES,
    mediaDir: settings.MEDIA_DIR === undefined ? undefined : resolve(folder, settings.MEDIA_DIR),
    mediaProcesses: settings.MEDIA_PROCESSES_MAX ?? usualMediaProcesses(availableParallelism(), totalmem()),
    reconnectGraceMs: settings.RECONNECT_GRACE_SECONDS * 1000,
    transcodeWorkers: settings.TRANSCODE_WORKERS ?? availableParallelism(),
    minFreeBytes: settings.DISK_FREE_MIN_GB * GIGABYTE,
    recordingQuotaBytes: settings.RECORDING_QUOTA_GB === undefined ? Number.POSITIVE_INFINITY : settings.RECORDING_QUOTA_GB * GIGABYTE,
    localCopyMs: settings.RECORDING_LOCAL_DAYS === undefined ? Number.POSITIVE_INFINITY : settings.RECORDING_LOCAL_DAYS * DAY_MS,
    ladder: { tiers: settings.LADDER, hardware: settings.HARDWARE_ENCODING },
  };
}

/** What one takes is little processor time, and this much memory with what it holds. */
const MEDIA_PROCESS_BYTES = 64_000_000;
const MEDIA_PROCESSES_PER_CORE = 16;

/** At most a quarter of the memory is for them. */
export function usualMediaProcesses(cores: number, memoryBytes: number): number {
  return Math.max(4, Math.min(cores * MEDIA_PROCESSES_PER_CORE, Math.floor(memoryBytes / 4 / MEDIA_PROCESS_BYTES)));
}

/** Browsers take no relay over TLS whose certificate they do not know: with the local one it is there only when asked for. */
function turnConfigOf(settings: Settings, isKnown: boolean): TurnConfig {
  const { TURN_PORT: port, TURNS_PORT: tlsPort, TURN_PORT_MIN: minPort, TURN_PORT_MAX: maxPort, TURN_URLS: urls, TURN_SECRET: secret } = settings;
  if (urls) {
    if (secret === undefined) throw new ConfigError('TURN_SECRET', 'TURN_SECRET is not set, but TURN_URLS needs it: give the static-auth-secret of that TURN server.');
    return { kind: 'elsewhere', urls, secret };
  }
  if (secret !== undefined) throw new ConfigError('TURN_URLS', 'TURN_URLS is not set, but TURN_SECRET is: give the addresses of the TURN server that has this secret.');
  if (port === 'off') return { kind: 'off' };
  if (minPort < 1024 || maxPort < minPort) {
    throw new ConfigError(
      'TURN_PORT_MAX',
      `TURN_PORT_MIN cannot be ${minPort} with TURN_PORT_MAX ${maxPort}: the range must begin at 1024 or above and end no lower than it begins.`,
    );
  }
  return {
    kind: 'built-in',
    port,
    tlsPort: tlsPort === undefined ? (isKnown ? DEFAULT_TURNS_PORT : undefined) : portOf(tlsPort),
    minPort,
    maxPort,
    allowedPeers: settings.TURN_ALLOWED_PEERS,
    maxAllocations: settings.TURN_MAX_ALLOCATIONS,
    userBytesPerSecond: (settings.TURN_USER_MBITS * 1_000_000) / 8,
  };
}

/** All that it takes, or nothing: half of it is a mistake that would show only when the first recording is lost with its disk. */
function s3ConfigOf(settings: Settings): S3Config | undefined {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_REGION: region, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = settings;
  if (bucket !== undefined && accessKeyId !== undefined && secretAccessKey !== undefined) return { endpoint, bucket, region, accessKeyId, secretAccessKey };
  const set = Object.entries({ S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey });
  const given = set.find(([, value]) => value !== undefined)?.[0];
  const missing = set.find(([key, value]) => value === undefined && key !== 'S3_ENDPOINT')?.[0];
  if (given === undefined || missing === undefined) return undefined;
  throw new ConfigError(missing, `${missing} is not set, but ${given} is: object storage needs S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.`);
}

function portOf(setting: number | 'off'): number | undefined {
  return setting === 'off' ? undefined : setting;
}

/** A public authority vouches for names that it can find: not for addresses, nor for names of one network. */
function acmeOf({ ACME, ACME_EMAIL: email, ACME_DIRECTORY_URL: directoryUrl, PUBLIC_URL: publicUrl }: Settings): AcmeConfig | undefined {
  if (!ACME) return undefined;
  const { protocol, hostname: domain } = publicUrl === undefined ? { protocol: '', hostname: '' } : new URL(publicUrl);
  if (protocol !== 'https:' || !domain.includes('.') || /^[\d.]+$|\.local$|\.localhost$/.test(domain))
    throw new ConfigError(
      'PUBLIC_URL',
      `PUBLIC_URL ${publicUrl === undefined ? 'is not set' : `is ${publicUrl}`}, but ACME needs a public name: an address like https://live.example.org.`,
    );
  return { domain, email, directoryUrl };
}

const SECRET_SETTINGS = ['DATABASE_URL', 'TURN_SECRET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY', 'S3_ENDPOINT'];

function configErrorOf(error: z.ZodError, given: Readonly<Record<string, unknown>>): ConfigError {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    return new ConfigError(key, `${key} in the settings file is not a setting. Settings are ${Object.keys(Settings.shape).join(', ')}.`);
  }
  const key = String(issue?.path[0] ?? '');
  // A connection address holds a password, a secret is one.
  const value = SECRET_SETTINGS.includes(key) ? 'what it is set to' : JSON.stringify(given[key]);
  return new ConfigError(key, `${key} cannot be ${value}: it must be ${issue?.message ?? 'something else'}.`);
}
