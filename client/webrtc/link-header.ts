/** What WHIP and WHEP hand out in `Link` headers: ICE servers (RFC 9725 §4.6) and the addresses of extensions. */

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
  const servers: IceServer[] = [];
  for (const { target: urls, fields } of linksOf(header)) {
    if (!/^(stun|turns?):/i.test(urls) || fields.get('rel') !== 'ice-server') continue;
    const [username, credential] = [fields.get('username'), fields.get('credential')];
    servers.push({ urls, ...(username === undefined ? {} : { username }), ...(credential === undefined ? {} : { credential }) });
    if (servers.length === MAX_ICE_SERVERS) break;
  }
  return servers;
}

/** Where the first link of this relation leads; undefined when there is none. */
export function linkTo(header: string | null, rel: string): string | undefined {
  for (const { target, fields } of linksOf(header)) if (fields.get('rel') === rel) return target;
  return undefined;
}

function* linksOf(header: string | null): Generator<{ readonly target: string; readonly fields: ReadonlyMap<string, string> }> {
  if (!header || header.length > MAX_HEADER_LENGTH) return;
  for (const [, target = '', rest = ''] of header.matchAll(/<([^<>]*)>((?:[^"<,]|"[^"]*")*)/g)) {
    const fields = new Map([...rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/g)].map(([, name = '', quoted, plain]) => [name.toLowerCase(), quoted ?? plain ?? '']));
    yield { target, fields };
  }
}
