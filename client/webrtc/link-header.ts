/** ICE servers as WHIP and WHEP hand them out, in `Link` headers (RFC 9725 §4.6). */

export interface IceServer {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** More than this nobody sends on purpose, and each costs gathering time. */
const MAX_ICE_SERVERS = 8;

/** Headers longer than this are not read. */
const MAX_HEADER_LENGTH = 16_384;

/** Reads `<turn:host?transport=udp>; rel="ice-server"; username="…"; credential="…"`, any number of them. Other links are passed over. */
export function iceServersOf(header: string | null): IceServer[] {
  if (!header || header.length > MAX_HEADER_LENGTH) return [];
  const servers: IceServer[] = [];
  for (const link of header.matchAll(/<([^<>]*)>((?:[^"<,]|"[^"]*")*)/g)) {
    const [, urls = '', rest = ''] = link;
    if (!/^(stun|turns?):/i.test(urls)) continue;
    const fields = new Map([...rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/g)].map(([, name = '', quoted, plain]) => [name.toLowerCase(), quoted ?? plain ?? '']));
    if (fields.get('rel') !== 'ice-server') continue;
    const [username, credential] = [fields.get('username'), fields.get('credential')];
    servers.push({ urls, ...(username === undefined ? {} : { username }), ...(credential === undefined ? {} : { credential }) });
    if (servers.length === MAX_ICE_SERVERS) break;
  }
  return servers;
}
