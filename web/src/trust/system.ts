/** Which system a device runs, as far as its browser says: decides which steps stand open. */

export const SYSTEMS = ['ios', 'android', 'macos', 'windows', 'linux', 'firefox'] as const;
export type System = (typeof SYSTEMS)[number];

/** @param touchPoints an iPad calls itself a Mac, but has a screen to touch. */
export function systemOf(userAgent: string, touchPoints: number): System {
  if (/iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1)) return 'ios';
  // Firefox keeps certificates of its own, whatever the system.
  if (/Firefox\//.test(userAgent)) return 'firefox';
  if (/Android/.test(userAgent)) return 'android';
  if (/Macintosh/.test(userAgent)) return 'macos';
  return /Windows/.test(userAgent) ? 'windows' : 'linux';
}
