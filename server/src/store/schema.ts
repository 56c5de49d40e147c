/** The tables as Kysely sees them. Migrations make them; each aggregate has its module here. */
import type { DeviceKind, PlaybackProtocol } from '@millrace/contract/commands/stream-socket';
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { SourceMode } from '@millrace/contract/entities/source';
import type { Visibility } from '@millrace/contract/entities/stream';
import type { Generated } from 'kysely';

/** People and guests. The columns up to `updated_at` are the auth library's. */
export interface UsersTable {
  id: string;
  name: string;
  email: string;
  email_verified: Generated<boolean>;
  image: string | null;
  is_anonymous: Generated<boolean>;
  created_at: Date;
  updated_at: Date;
}

/** Sessions by token, as the auth library keeps them. */
export interface SessionsTable {
  id: string;
  user_id: string;
  token: string;
  expires_at: Date;
  ip_address: string | null;
  user_agent: string | null;
  /** The label the device gave itself. */
  device_id: string | null;
  device_platform: string | null;
  created_at: Date;
  updated_at: Date;
}

/** Ways to sign in to a user; empty while there are only guests. */
export interface AccountsTable {
  id: string;
  user_id: string;
  account_id: string;
  provider_id: string;
  access_token: string | null;
  refresh_token: string | null;
  id_token: string | null;
  access_token_expires_at: Date | null;
  refresh_token_expires_at: Date | null;
  scope: string | null;
  password: string | null;
  created_at: Date;
  updated_at: Date;
}

/** Pending e-mail checks and password resets. */
export interface VerificationsTable {
  id: string;
  identifier: string;
  value: string;
  expires_at: Date;
  created_at: Date;
  updated_at: Date;
}

export interface StreamsTable {
  id: string;
  owner_id: string;
  code: string;
  /** SHA-256 of the key. The key has 238 bits of chance, so a slow password hash would add nothing. */
  key_hash: Buffer;
  title: string;
  description: string;
  visibility: Visibility;
  start: 'auto' | 'manual';
  second_publisher: 'takeover' | 'refuse';
  record: boolean;
  ladder: 'auto' | 'off' | 'always';
  /** The running broadcast, else the last one. */
  broadcast_id: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface BroadcastsTable {
  id: string;
  stream_id: string;
  epoch: string;
  state: 'preview' | 'live' | 'reconnecting' | 'ended';
  created_at: Date;
  started_at: Date | null;
  reconnect_until: Date | null;
  ended_at: Date | null;
  end_reason: EndReason | null;
}

/** One person watching one stream from join to leave; `ended_at` is when they were last seen, while they watch. */
export interface ViewingsTable {
  id: string;
  stream_id: string;
  broadcast_id: string | null;
  /** Null for a visitor without a session. */
  user_id: string | null;
  started_at: Date;
  ended_at: Date;
  protocol: PlaybackProtocol;
  device: DeviceKind;
  stalls: number;
  mean_latency_ms: number | null;
}

export interface MinuteMeasurementsTable {
  stream_id: string;
  /** The beginning of the minute. */
  at: Date;
  broadcast_id: string;
  video_bits_per_second: number;
  audio_bits_per_second: number;
  frames_per_second: number;
  key_frame_interval_seconds: number | null;
  dropped_units: number;
  viewers: number;
}

/** A service that a stream is forwarded to. */
export interface TargetsTable {
  id: string;
  stream_id: string;
  name: string;
  /** Without secrets. */
  address: string;
  /** Sealed. */
  secret: string;
  enabled: boolean;
  created_at: Date;
  updated_at: Date;
}

/** Where a stream is fetched from. */
export interface SourcesTable {
  stream_id: string;
  /** Without secrets. */
  address: string;
  /** The whole address, sealed. */
  secret: string;
  mode: SourceMode;
  updated_at: Date;
}

export interface MigrationsTable {
  name: string;
  applied_at: Generated<Date>;
}

export interface Schema {
  users: UsersTable;
  sessions: SessionsTable;
  accounts: AccountsTable;
  verifications: VerificationsTable;
  streams: StreamsTable;
  broadcasts: BroadcastsTable;
  viewings: ViewingsTable;
  minute_measurements: MinuteMeasurementsTable;
  targets: TargetsTable;
  sources: SourcesTable;
  migrations: MigrationsTable;
}
