/** The tables as Kysely sees them. Migrations make them; each aggregate has its module here. */
import type { DeviceKind, PlaybackProtocol } from '@millrace/contract/commands/stream-socket';
import type { EndReason } from '@millrace/contract/entities/broadcast';
import type { RecordingProblem, RecordingState } from '@millrace/contract/entities/recording';
import type { SourceMode } from '@millrace/contract/entities/source';
import type { Visibility } from '@millrace/contract/entities/stream';
import type { DeliveryState, DisabledBecause } from '@millrace/contract/entities/webhook';
import type { SubscribableEvent, WebhookEventType } from '@millrace/contract/events/webhook';
import type { Generated, JSONColumnType } from 'kysely';

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
  /** Null: to the beginning. */
  rewind_seconds: number | null;
  ladder: 'auto' | 'off' | 'always';
  /** The running broadcast, else the last one. */
  broadcast_id: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface BroadcastsTable {
  id: string;
  stream_id: string;
  /** Where its publisher is; null from before servers had names. */
  server_id: string | null;
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

/** Work to be done at `run_at`; a row is gone when it is done. */
export interface JobsTable {
  id: string;
  kind: string;
  /** One row for each kind and key. */
  unique_key: string | null;
  /** The server whose files it needs; null: any server may do it. */
  server_id: string | null;
  data: JSONColumnType<object>;
  run_at: Date;
  /** How often it was taken. */
  attempts: number;
  /** It was put once more while somebody worked on it. */
  put_again: boolean;
  /** Who works on it now, until when unless renewed. */
  lease_id: string | null;
  lease_until: Date | null;
  last_error: string | null;
  created_at: Date;
}

export interface WebhooksTable {
  id: string;
  owner_id: string;
  url: string;
  description: string;
  events: JSONColumnType<readonly SubscribableEvent[]>;
  sealed_secret: string;
  /** Null: it is on. */
  disabled_because: DisabledBecause | null;
  /** Since when nothing was taken; null after a success. */
  failing_since: Date | null;
  created_at: Date;
  updated_at: Date;
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

export interface WebhookDeliveriesTable {
  id: string;
  webhook_id: string;
  event_id: string;
  type: WebhookEventType;
  /** As it is signed and sent, byte for byte. */
  body: string;
  state: DeliveryState;
  attempts: number;
  created_at: Date;
  last_attempt_at: Date | null;
  next_attempt_at: Date | null;
  /** Of the last attempt: what was answered, or why there was no answer. */
  status: number | null;
  error: string | null;
  response: string | null;
  duration_ms: number | null;
}

/** Files on their way to object storage, and those that are there. */
export interface UploadsTable {
  key: string;
  size: string;
  modified_at: Date;
  part_size: string;
  /** The store's name for the multipart upload; null for a file of one part. */
  multipart_id: string | null;
  verified_at: Date | null;
}

export interface UploadPartsTable {
  key: string;
  number: number;
  etag: string;
  md5: string;
}

/** What was kept of broadcasts; the media lies in the data folder under the id. */
export interface RecordingsTable {
  id: string;
  owner_id: string;
  stream_id: string | null;
  broadcast_id: string;
  title: string;
  visibility: Visibility;
  state: RecordingState;
  problem: RecordingProblem | null;
  seconds: number;
  bytes: number;
  started_at: Date;
  ended_at: Date | null;
  updated_at: Date;
  uploaded_at: Date | null;
  is_local: boolean;
  /** Whose disk its files are on; null from before servers had names. */
  server_id: string | null;
  /** It is being made, and will not be kept. */
  is_unwanted: Generated<boolean>;
}

/** Where a stream is fetched from. */
export interface SourcesTable {
  stream_id: string;
  /** Without secrets. */
  address: string;
  /** The whole address, sealed. */
  secret: string;
  mode: SourceMode;
  enabled: boolean;
  updated_at: Date;
  /** Who fetches it: where it was set last; null from before servers had names. */
  server_id: string | null;
}

/** The servers on this database, and when each last said that it runs. */
export interface ServersTable {
  id: string;
  seen_at: Date;
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
  jobs: JobsTable;
  webhooks: WebhooksTable;
  webhook_deliveries: WebhookDeliveriesTable;
  uploads: UploadsTable;
  upload_parts: UploadPartsTable;
  targets: TargetsTable;
  recordings: RecordingsTable;
  sources: SourcesTable;
  servers: ServersTable;
  migrations: MigrationsTable;
}
