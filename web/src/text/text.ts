/** Sentences by key, with their gaps filled. A key or a gap that does not exist does not compile. */
import { en } from './en.ts';
import { onceAsked } from './once-asked.ts';

type Catalogue = typeof en;
export type TextKey = keyof Catalogue;

type Gaps<Sentence> = Sentence extends `${string}{${infer Gap}}${infer Rest}` ? Gap | Gaps<Rest> : never;
type GapsOf<Key extends TextKey> = Catalogue[Key] extends string ? Gaps<Catalogue[Key]> : Gaps<Catalogue[Key][keyof Catalogue[Key]]>;
type Fill<Key extends TextKey> = { readonly [Gap in GapsOf<Key>]: Gap extends 'count' ? number : string };

/** The language of the catalogue in use; numbers and dates follow it. */
export const LOCALE = 'en';

const plurals = onceAsked(() => new Intl.PluralRules(LOCALE));
const numbers = onceAsked(() => new Intl.NumberFormat(LOCALE));

export function t<Key extends TextKey>(key: Key, ...fill: [GapsOf<Key>] extends [never] ? [] : [Fill<Key>]): string {
  const gaps: Readonly<Record<string, string | number>> = fill[0] ?? {};
  const entry: string | { readonly one: string; readonly other: string } = en[key];
  const sentence = typeof entry === 'string' ? entry : entry[plurals().select(Number(gaps['count'])) === 'one' ? 'one' : 'other'];
  return sentence.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = gaps[name];
    return value === undefined ? whole : typeof value === 'number' ? numbers().format(value) : value;
  });
}
