/** Who may see what belongs to somebody: everybody, whoever brings a token made for it, its owner. */
import type { Visibility } from '@millrace/contract/entities/stream';
import type { User } from '@millrace/contract/entities/user';
import type { Clock } from '../lib/clock.ts';
import type { PlaybackCredentials, PlaybackDecision, PlaybackRefusal } from '../stream/playback-gate.ts';
import type { PlaybackTokens } from './playback-tokens.ts';

export interface AdmissionDeps {
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
  identify(credentials: { readonly cookie: string | undefined; readonly authorization: string | undefined }): User | undefined | Promise<User | undefined>;
}

/** A stream or a recording. */
export interface Belonging {
  readonly id: string;
  readonly ownerId: string;
  readonly visibility: Visibility;
}

/** What others than its owner are told. `unseen`: nobody else may see it, whatever its visibility. */
export interface AdmissionRule {
  readonly refusal: PlaybackRefusal;
  readonly unseen?: boolean;
}

export class Admission {
  readonly #deps: AdmissionDeps;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  /** Without a promise wherever it can: this stands in the path of every segment. */
  decide({ id, ownerId, visibility }: Belonging, credentials: PlaybackCredentials, { refusal, unseen = false }: AdmissionRule): PlaybackDecision | Promise<PlaybackDecision> {
    const { tokens, clock, identify } = this.#deps;
    if (!unseen) {
      if (visibility !== 'private') return 'open';
      if (credentials.token !== undefined && tokens.isValid(credentials.token, id, clock.now())) return 'allowed';
    }
    const decide = (user: User | undefined): PlaybackDecision => (user?.id === ownerId ? 'allowed' : refusal);
    const user = identify(credentials);
    return user instanceof Promise ? user.then(decide) : decide(user);
  }
}
