/** Addresses of pictures that change while a page shows them. */

/** As often as a new one may be looked at: the server makes one every 10 s. */
const RENEW_MS = 20_000;

/** Another address when there may be another picture: a page that asked for one address has its picture for good. */
export function currentPicture(url: string, now: number): string {
  return `${url}${url.includes('?') ? '&' : '?'}at=${Math.floor(now / RENEW_MS)}`;
}
