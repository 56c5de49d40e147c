/** Every setting there is: its type, its default and what is allowed. The names are the same in the file and in the environment. */
import { RECONNECT_GRACE_MS } from '@millrace/contract/limits';
import { z } from 'zod';
import { parseSubnet, type Subnet } from '../lib/subnet.ts';
import { X264_PRESETS, type X264Preset } from '../lib/x264-presets.ts';

const PORT_ALLOWED = 'a port number from 0 to 65535; 0 means any free port';
const OPTIONAL_PORT_ALLOWED = `${PORT_ALLOWED}, off means none`;
const HOST_ALLOWED = 'an IP address or a host name';
const PATH_ALLOWED = 'the path of a file or folder';
const FLAG_ALLOWED = 'true or false';
const URL_ALLOWED = 'an address like https://live.example.org, without a path';
const DATABASE_ALLOWED = 'an address like postgresql://user:password@host:5432/name';
const DIRECTORY_ALLOWED = 'an https address like https://acme-v02.api.letsencrypt.org/directory';
const EMAIL_ALLOWED = 'an e-mail address';
const ADDRESSES_ALLOWED = 'IP addresses separated by commas, at most 8';
const WORKERS_ALLOWED = 'a whole number from 1 to 256';
const PROCESSES_ALLOWED = 'a whole number from 1 to 4096';
const GIGABYTES_ALLOWED = 'a number of gigabytes from 0 to 1000000';
const DAYS_ALLOWED = 'a number of days from 0 to 36500';
const LADDER_ALLOWED =
  'sizes with their bit rates like 720p@2800k,480p@1400k,360p@700k, each from 90p to 2160p and from 50k to 50000k, if wanted with an x264 preset from ultrafast to slow like 360p@700k/fast; off means none';
const S3_ENDPOINT_ALLOWED = 'an address like https://s3.example.org, without a user name';
const BUCKET_ALLOWED = 'the name of a bucket: 3 to 63 letters, digits, dots and hyphens';
const S3_KEY_ALLOWED = 'what the object storage gave, without spaces';
const REGION_ALLOWED = 'the name of a region like eu-central-1';
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

const OptionalPort = z.union([z.literal('off'), Port], OPTIONAL_PORT_ALLOWED);

const SUBNETS_ALLOWED = 'subnets like 192.168.1.0/24 with zeros behind the prefix, or addresses, with commas between them';
const TURN_URLS_ALLOWED = 'addresses like turn:turn.example.org:3478?transport=udp with commas between them: at most two of turn or turns, and one of stun';
const TURN_SECRET_ALLOWED = 'at least 8 characters, the same as static-auth-secret of the TURN server';
const ALLOCATIONS_ALLOWED = 'a whole number from 1 to 50000';
const MBITS_ALLOWED = 'a number of Mbit/s from 0.1 to 10000';

/** As browsers take it (RFC 7064, RFC 7065). */
const ICE_URL = /^(stun|stuns|turn|turns):(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?(\?transport=(udp|tcp))?$/i;

/** A list that is wrong anywhere is wrong as a whole: it decides what is let through. */
const Subnets = z.string(SUBNETS_ALLOWED).transform((text, context): readonly Subnet[] => {
  const subnets = text.split(',').map((entry) => parseSubnet(entry.trim()));
  const known = subnets.filter((subnet) => subnet !== undefined);
  if (known.length === subnets.length) return known;
  context.addIssue(SUBNETS_ALLOWED);
  return z.NEVER;
});

/** Firefox takes seconds longer to gather with more than two. */
const TurnUrls = z
  .string(TURN_URLS_ALLOWED)
  .transform((text) => text.split(',').map((url) => url.trim()))
  .refine((urls) => urls.every((url) => ICE_URL.test(url)), TURN_URLS_ALLOWED)
  .refine(
    (urls) => ['turn', 'stun'].every((kind, i) => urls.filter((url) => url.startsWith(kind)).length <= 2 - i) && urls.some((url) => url.startsWith('turn')),
    TURN_URLS_ALLOWED,
  );

/** A size by its shorter side, the most it uses a second, and how much work is put into it. */
const TIER = /^(\d{2,4})p@(\d{2,5})k(?:\/([a-z]+))?$/;

const DEFAULT_PRESET: X264Preset = 'veryfast';

/** Which of them a stream gets depends on its picture. */
const Ladder = z.string(LADDER_ALLOWED).transform((text, context) => {
  if (text.trim() === 'off') return [];
  const tiers = text.split(',').map((entry) => {
    const [, side, kilobits, preset = DEFAULT_PRESET] = TIER.exec(entry.trim()) ?? [];
    return { shorterSide: Number(side), bitsPerSecond: Number(kilobits) * 1000, preset: X264_PRESETS.find((known) => known === preset) };
  });
  const sides = new Set(tiers.map(({ shorterSide }) => shorterSide));
  const known = tiers.flatMap(({ shorterSide, bitsPerSecond, preset }) => {
    const isKnown = shorterSide >= 90 && shorterSide <= 2160 && bitsPerSecond >= 50_000 && bitsPerSecond <= 50_000_000;
    return isKnown && preset ? { shorterSide, bitsPerSecond, preset } : [];
  });
  if (known.length === tiers.length && sides.size === tiers.length) return known;
  context.addIssue(LADDER_ALLOWED);
  return z.NEVER;
});

const Path = z.string(PATH_ALLOWED).min(1, PATH_ALLOWED);

export const Settings = z.strictObject({
  /** The address every server listens on. */
  HOST: z.string(HOST_ALLOWED).min(1, HOST_ALLOWED).default('0.0.0.0'),
  PORT: Port.default(8080),
  /** The same as on PORT, over TLS and HTTP/2. */
  HTTPS_PORT: OptionalPort.default(8443),
  RTMP_PORT: Port.default(1935),
  RTMPS_PORT: OptionalPort.default(1936),
  /** A certificate of one's own for HTTPS and RTMPS; both or neither. */
  /** UDP, for all WebRTC sessions. */
  WEBRTC_PORT: Port.default(8189),
  /** What peers may call this machine besides the addresses of its interfaces. */
  WEBRTC_ADDRESSES: z
    .union(
      [
        z.array(z.string()),
        z.string().transform((text) =>
          text
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== ''),
        ),
      ],
      ADDRESSES_ALLOWED,
    )
    .pipe(z.array(z.union([z.ipv4(), z.ipv6()], ADDRESSES_ALLOWED)).max(8, ADDRESSES_ALLOWED))
    .default([]),
  TLS_CERT_FILE: Path.optional(),
  TLS_KEY_FILE: Path.optional(),
  /** Whether a public authority is asked for a certificate for PUBLIC_URL. Switching it on agrees to that authority's terms. */
  ACME: z.union([z.boolean(), z.stringbool()], FLAG_ALLOWED).default(false),
  /** Where that authority writes when something is wrong. */
  ACME_EMAIL: z.email(EMAIL_ALLOWED).optional(),
  ACME_DIRECTORY_URL: z.url({ protocol: /^https$/, error: DIRECTORY_ALLOWED }).default('https://acme-v02.api.letsencrypt.org/directory'),
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
  /** The relay for browsers that no packet reaches directly: UDP and TCP. */
  TURN_PORT: OptionalPort.default(3478),
  /** The same over TLS: 5349 with a certificate that browsers know. */
  TURNS_PORT: OptionalPort.optional(),
  /** Where relays are opened for what comes back. RFC 8656 §7.2 names this range. */
  TURN_PORT_MIN: Port.default(49_152),
  TURN_PORT_MAX: Port.default(65_535),
  /** What the relay may reach besides the open internet. */
  TURN_ALLOWED_PEERS: Subnets.default([]),
  /** Relays at once, of all users. */
  TURN_MAX_ALLOCATIONS: numeric(ALLOCATIONS_ALLOWED).pipe(z.int(ALLOCATIONS_ALLOWED).min(1, ALLOCATIONS_ALLOWED).max(50_000, ALLOCATIONS_ALLOWED)).default(2_000),
  /** What one user's relays may carry together. */
  TURN_USER_MBITS: numeric(MBITS_ALLOWED).pipe(z.number().min(0.1, MBITS_ALLOWED).max(10_000, MBITS_ALLOWED)).default(50),
  /** Another TURN server (coturn with use-auth-secret) in place of the built-in one, and the secret it shares. */
  TURN_URLS: TurnUrls.optional(),
  TURN_SECRET: z.string(TURN_SECRET_ALLOWED).min(8, TURN_SECRET_ALLOWED).optional(),
  /** What people without an account may do. */
  GUESTS: z.enum(['publish', 'watch', 'off'], 'publish, watch or off').default('publish'),
  /** Whether hosts that users name (webhooks, targets, sources) may lie in private networks or on this machine. */
  ALLOW_PRIVATE_ADDRESSES: z.union([z.boolean(), z.stringbool()], FLAG_ALLOWED).default(false),
  /** Object storage for recordings: all of bucket and credentials, or none of them. Without an endpoint it is Amazon's. */
  S3_ENDPOINT: z
    .url({ protocol: /^https?$/, error: S3_ENDPOINT_ALLOWED })
    .refine((text) => URL.canParse(text) && !/[?#]|\/\/[^/]*@/.test(text), S3_ENDPOINT_ALLOWED)
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
  S3_BUCKET: z
    .string(BUCKET_ALLOWED)
    .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i, BUCKET_ALLOWED)
    .optional(),
  S3_ACCESS_KEY_ID: z
    .string(S3_KEY_ALLOWED)
    .regex(/^[\x21-\x7e]{1,256}$/, S3_KEY_ALLOWED)
    .optional(),
  S3_SECRET_ACCESS_KEY: z
    .string(S3_KEY_ALLOWED)
    .regex(/^[\x21-\x7e]{1,256}$/, S3_KEY_ALLOWED)
    .optional(),
  S3_REGION: z
    .string(REGION_ALLOWED)
    .regex(/^[a-z0-9-]{1,64}$/i, REGION_ALLOWED)
    .default('us-east-1'),
  /** Days after its upload until a recording lies in object storage alone; it stays on the server as well when not set. */
  RECORDING_LOCAL_DAYS: numeric(DAYS_ALLOWED).pipe(z.number().min(0, DAYS_ALLOWED).max(36_500, DAYS_ALLOWED)).optional(),
  /** Files that streams may be fetched from, as `file:name`. */
  MEDIA_DIR: Path.optional(),
  /** Processes that fetch or forward, at once; by cores and memory when not set. */
  MEDIA_PROCESSES_MAX: numeric(PROCESSES_ALLOWED).pipe(z.int(PROCESSES_ALLOWED).min(1, PROCESSES_ALLOWED).max(4096, PROCESSES_ALLOWED)).optional(),
  /** FFmpeg processes at once; as many as there are cores when not set. */
  TRANSCODE_WORKERS: numeric(WORKERS_ALLOWED).pipe(z.int(WORKERS_ALLOWED).min(1, WORKERS_ALLOWED).max(256, WORKERS_ALLOWED)).optional(),
  /** With less free space than this nothing is recorded, and what viewers may go back to is given up. */
  DISK_FREE_MIN_GB: numeric(GIGABYTES_ALLOWED).pipe(z.number().min(0, GIGABYTES_ALLOWED).max(1_000_000, GIGABYTES_ALLOWED)).default(2),
  /** What the recordings of one owner may take together; as much as there is room when not set. */
  RECORDING_QUOTA_GB: numeric(GIGABYTES_ALLOWED).pipe(z.number().min(0, GIGABYTES_ALLOWED).max(1_000_000, GIGABYTES_ALLOWED)).optional(),
  /** Smaller sizes that streams get; of those below the picture itself, the three largest. */
  LADDER: Ladder.default([
    { shorterSide: 720, bitsPerSecond: 2_800_000, preset: DEFAULT_PRESET },
    { shorterSide: 480, bitsPerSecond: 1_400_000, preset: DEFAULT_PRESET },
    { shorterSide: 360, bitsPerSecond: 700_000, preset: DEFAULT_PRESET },
  ]),
  /** Whether encoders in hardware are used where they work. */
  HARDWARE_ENCODING: z.union([z.boolean(), z.stringbool()], FLAG_ALLOWED).default(true),
  /** How long a broadcast waits for its publisher to come back. */
  RECONNECT_GRACE_SECONDS: numeric(GRACE_ALLOWED)
    .pipe(z.number().min(1, GRACE_ALLOWED).max(3600, GRACE_ALLOWED))
    .default(RECONNECT_GRACE_MS / 1000),
});

export type Settings = z.infer<typeof Settings>;
