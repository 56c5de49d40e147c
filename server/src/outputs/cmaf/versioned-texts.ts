/** Texts that tell of a packager, made when somebody asks and shared by everybody who asks for the same, until something changes. */
import type { SharedText } from '../../transports/http/shared-text.ts';

/** Texts kept per version: viewers of a private stream have a token each, so they share little. */
const MAX_TEXTS = 64;

export class VersionedTexts {
  #version = 0;
  readonly #texts = new Map<string, SharedText>();

  /** @param key tells the texts of one version apart. */
  get<Made extends SharedText | undefined>(version: number, key: string, make: () => Made): SharedText | Made {
    if (version !== this.#version) this.#texts.clear();
    this.#version = version;
    const known = this.#texts.get(key);
    if (known) return known;
    const made = make();
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    if (made) this.#texts.set(key, made);
    return made;
  }
}
