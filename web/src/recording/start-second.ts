/** Where in a recording a link begins. */

/** `90`, and `1m30s` as other sites write it; 0 for anything else. */
export function secondsOf(text: string | undefined): number {
  const match = /^(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s?)?$/.exec(text ?? '');
  if (!match) return 0;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
