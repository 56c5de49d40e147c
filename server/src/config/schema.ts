/** Every setting there is: its type, its default and what is allowed. The names are the same in the file and in the environment. */
import { RECONNECT_GRACE_MS } from '@millrace/contract/limits';
import { z } from 'zod';

const PORT_ALLOWED = 'a port number from 0 to 65535; 0 means any free port';
const HOST_ALLOWED = 'an IP address or a host name';
const PATH_ALLOWED = 'the path of a file or folder';
const FLAG_ALLOWED = 'true or false';
const URL_ALLOWED = 'an address like https://live.example.org, without a path';
const DATABASE_ALLOWED = 'an address like postgresql://user:password@host:5432/name';
const WORKERS_ALLOWED = 'a whole number from 1 to 256';
const GRACE_ALLOWED = 'a number of seconds from 1 to 3600';

/** Text from the environment, a number from the file. An empty text is no number. */
function numeric(allowed: string) {
  return z.union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d+(\.\d+)?$/)
        .transform(Number),
    ],
    allowed,
  );
}

const Port = numeric(PORT_ALLOWED).pipe(z.int(PORT_ALLOWED).min(0, PORT_ALLOWED).max(65_535, PORT_ALLOWED));

const Path = z.string(PATH_ALLOWED).min(1, PATH_ALLOWED);

export const Settings = z.strictObject({
  /** The address every server listens on. */
  HOST: z.string(HOST_ALLOWED).min(1, HOST_ALLOWED).default('0.0.0.0'),
  PORT: Port.default(8080),
  /** On when set; needs TLS_CERT_FILE and TLS_KEY_FILE, like RTMPS_PORT. */
  HTTPS_PORT: Port.optional(),
  RTMP_PORT: Port.default(1935),
  RTMPS_PORT: Port.optional(),
  TLS_CERT_FILE: Path.optional(),
  TLS_KEY_FILE: Path.optional(),
  /** Everything the server keeps lies below it. */
  DATA_DIR: Path.default('./data'),
  /** A PostgreSQL server in place of the embedded database. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: DATABASE_ALLOWED }).optional(),
  /** What people type to get here, when it is not what the request says: behind a proxy, or with a name of its own. */
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: URL_ALLOWED })
    .refine((text) => URL.canParse(text) && new URL(text).pathname === '/' && !/[?#]/.test(text), URL_ALLOWED)
    .transform((text) => new URL(text).origin)
    .optional(),
  /** Whether a proxy in front sets X-Forwarded-For and X-Forwarded-Proto. Without one anybody could write them. */
  TRUST_PROXY: z.union([z.boolean(), z.stringbool()], FLAG_ALLOWED).default(false),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug', 'silent'], 'error, warn, info, debug or silent').default('info'),
  /** What people without an account may do. */
  GUESTS: z.enum(['publish', 'watch', 'off'], 'publish, watch or off').default('publish'),
  /** FFmpeg processes at once; as many as there are cores when not set. */
  TRANSCODE_WORKERS: numeric(WORKERS_ALLOWED).pipe(z.int(WORKERS_ALLOWED).min(1, WORKERS_ALLOWED).max(256, WORKERS_ALLOWED)).optional(),
  /** How long a broadcast waits for its publisher to come back. */
  RECONNECT_GRACE_SECONDS: numeric(GRACE_ALLOWED)
    .pipe(z.number().min(1, GRACE_ALLOWED).max(3600, GRACE_ALLOWED))
    .default(RECONNECT_GRACE_MS / 1000),
});

export type Settings = z.infer<typeof Settings>;
