/** Reads the settings: defaults, then the file, then the environment. Nothing else in the server reads the environment. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { errorCodeOf } from '../lib/start-error.ts';
import { ConfigError } from './config-error.ts';
import { Settings } from './schema.ts';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Config {
  readonly host: string;
  readonly httpPort: number;
  readonly httpsPort: number | undefined;
  readonly rtmpPort: number;
  readonly rtmpsPort: number | undefined;
  /** Present whenever a port needs it. */
  readonly tls: TlsFiles | undefined;
  /** Absolute. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  /** An origin, without a slash at the end. */
  readonly publicUrl: string | undefined;
  readonly trustProxy: boolean;
  readonly logLevel: Settings['LOG_LEVEL'];
  readonly guests: Settings['GUESTS'];
  readonly reconnectGraceMs: number;
  /** FFmpeg processes at once. */
  readonly transcodeWorkers: number;
}

export interface ConfigSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where `millrace.json` is looked for and relative paths begin. */
  readonly folder: string;
}

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
  const { HTTPS_PORT: httpsPort, RTMPS_PORT: rtmpsPort, TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = settings;
  const secure = httpsPort !== undefined ? 'HTTPS_PORT' : rtmpsPort !== undefined ? 'RTMPS_PORT' : undefined;
  if (secure && certFile === undefined) throw new ConfigError('TLS_CERT_FILE', `TLS_CERT_FILE is not set, but ${secure} needs it: give the path of a certificate in PEM form.`);
  if (secure && keyFile === undefined)
    throw new ConfigError('TLS_KEY_FILE', `TLS_KEY_FILE is not set, but ${secure} needs it: give the path of the certificate’s key in PEM form.`);
  return {
    host: settings.HOST,
    httpPort: settings.PORT,
    httpsPort,
    rtmpPort: settings.RTMP_PORT,
    rtmpsPort,
    tls: certFile !== undefined && keyFile !== undefined ? { certFile: resolve(folder, certFile), keyFile: resolve(folder, keyFile) } : undefined,
    dataDir: resolve(folder, settings.DATA_DIR),
    databaseUrl: settings.DATABASE_URL,
    publicUrl: settings.PUBLIC_URL,
    trustProxy: settings.TRUST_PROXY,
    logLevel: settings.LOG_LEVEL,
    guests: settings.GUESTS,
    reconnectGraceMs: settings.RECONNECT_GRACE_SECONDS * 1000,
    transcodeWorkers: settings.TRANSCODE_WORKERS ?? availableParallelism(),
  };
}

function configErrorOf(error: z.ZodError, given: Readonly<Record<string, unknown>>): ConfigError {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    return new ConfigError(key, `${key} in the settings file is not a setting. Settings are ${Object.keys(Settings.shape).join(', ')}.`);
  }
  const key = String(issue?.path[0] ?? '');
  // A connection address holds a password.
  const value = key === 'DATABASE_URL' ? 'what it is set to' : JSON.stringify(given[key]);
  return new ConfigError(key, `${key} cannot be ${value}: it must be ${issue?.message ?? 'something else'}.`);
}
