/** What a `profile-level-id` promises. Source: RFC 6184 §8.1 table 5. */

export type H264Profile = 'constrained-baseline' | 'baseline' | 'main' | 'constrained-high' | 'high' | 'high-444';

export interface H264ProfileLevel {
  readonly profile: H264Profile;
  /** Ten times the level: 31 is 3.1; 9 is 1b. */
  readonly level: number;
}

/** RFC 6184 §8.1: what is meant when the parameter is left out. */
export const DEFAULT_PROFILE_LEVEL_ID = '42000a';

const LEVEL_1B = 9;

/** profile_idc, the constraint bits that matter and what they must be: the first that fits names the profile. */
const PATTERNS: readonly (readonly [idc: number, mask: number, bits: number, profile: H264Profile])[] = [
  [0x42, 0x4f, 0x40, 'constrained-baseline'],
  [0x4d, 0x8f, 0x80, 'constrained-baseline'],
  [0x58, 0xcf, 0xc0, 'constrained-baseline'],
  [0x42, 0x4f, 0x00, 'baseline'],
  [0x58, 0xcf, 0x80, 'baseline'],
  [0x4d, 0xaf, 0x00, 'main'],
  [0x64, 0xff, 0x0c, 'constrained-high'],
  [0x64, 0xff, 0x00, 'high'],
  [0xf4, 0xff, 0x00, 'high-444'],
];

/** Reads six hexadecimal digits: of fmtp, or of `avc1.…`. Undefined when they name no profile. */
export function readProfileLevelId(text: string): H264ProfileLevel | undefined {
  if (!/^[0-9a-f]{6}$/i.test(text)) return undefined;
  const idc = Number.parseInt(text.slice(0, 2), 16);
  const constraints = Number.parseInt(text.slice(2, 4), 16);
  const level = Number.parseInt(text.slice(4), 16);
  const profile = PATTERNS.find(([of, mask, bits]) => of === idc && (constraints & mask) === bits)?.[3];
  const isLevel1b = level === 11 && (constraints & 0x10) !== 0 && idc !== 0x64 && idc !== 0xf4;
  return profile && { profile, level: isLevel1b ? LEVEL_1B : level };
}

/** Profiles in the order in which a decoder of one includes those before it. Baseline proper, with its slice groups, is encoded by nobody. */
const FAMILY: readonly H264Profile[] = ['constrained-baseline', 'baseline', 'main', 'constrained-high', 'high', 'high-444'];

/** How well a decoder of `offered` fits a stream of `sent`: 3 the same profile, 2 a larger one, 1 a smaller one, which decoders play all the same. */
export function profileFit(offered: H264Profile, sent: H264Profile): 1 | 2 | 3 {
  if (offered === sent) return 3;
  return FAMILY.indexOf(offered) > FAMILY.indexOf(sent) ? 2 : 1;
}
