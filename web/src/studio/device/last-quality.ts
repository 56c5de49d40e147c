/** The quality that was chosen the last time somebody sent from this device. */
import { type PublishQuality, QUALITIES } from '@millrace/client/publish/limits';

const KEY = 'millrace.quality';

export function lastQuality(): PublishQuality {
  const kept = localStorage.getItem(KEY);
  return QUALITIES.find((quality) => quality === kept) ?? 'auto';
}

export function rememberQuality(quality: PublishQuality): void {
  localStorage.setItem(KEY, quality);
}
