/** The stream key in the tab that made it: the server shows it once, and this tab needs it until the encoder has it. */

const PREFIX = 'millrace.key.';

export function keepKey(streamId: string, key: string): void {
  sessionStorage.setItem(PREFIX + streamId, key);
}

export function keptKey(streamId: string): string | undefined {
  return sessionStorage.getItem(PREFIX + streamId) ?? undefined;
}
