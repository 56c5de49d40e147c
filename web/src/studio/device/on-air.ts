/** Which broadcasts this device sends, so that a reload goes on with them. The key is elsewhere and stays in its tab. */

const PREFIX = 'millrace.onAir.';

/** In this tab alone: a second tab must not take the broadcast over unasked. */
export function rememberOnAir(streamId: string): void {
  sessionStorage.setItem(PREFIX + streamId, 'yes');
}

export function forgetOnAir(streamId: string): void {
  sessionStorage.removeItem(PREFIX + streamId);
}

export function wasOnAir(streamId: string): boolean {
  return sessionStorage.getItem(PREFIX + streamId) !== null;
}
