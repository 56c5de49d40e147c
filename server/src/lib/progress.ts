/** Work that may take long and says how far it has come. Whoever began it follows; whoever does it knows nothing of them. */
export interface Progress {
  /** @param share from 0 to 1. The first call says that the work begins. */
  advance(share: number): void;
  /** It is over, however it went. */
  end(): void;
}

/** Of work that nobody follows. */
export const UNWATCHED: Progress = { advance() {}, end() {} };
