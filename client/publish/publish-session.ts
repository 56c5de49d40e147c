/** One connection that sends, as the Publisher sees it. */
import type { PublishLimits } from './limits.ts';
import type { PublishStats } from './publish-stats.ts';

export interface PublishSession<Media> {
  /** Resolves when it will not come back. */
  readonly lost: Promise<void>;
  /** How long nothing was heard of the server. */
  readonly silentMs: number;
  replace(stream: Media): Promise<boolean>;
  limit(limits: PublishLimits): Promise<void>;
  stats(): Promise<PublishStats | undefined>;
  /** Tells the server. */
  close(): void;
  /** Without telling the server, which goes on waiting for us. */
  abandon(): void;
}
