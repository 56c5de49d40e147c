/** Who is at the other end of a request and what they call this server. */
import type { Origin } from '../streams/addresses.ts';

/** What the HTTP server hands over with a request: the part of Node's IncomingMessage that matters here. */
export interface Connection {
  readonly incoming: {
    readonly socket: {
      readonly remoteAddress?: string | undefined;
      /** True on a TLS socket. */
      readonly encrypted?: boolean | undefined;
    };
  };
}

/** The ports as they are being served: known once the servers listen. */
export interface ServedPorts {
  readonly http: number;
  readonly https: number | undefined;
  readonly rtmp: number | undefined;
  readonly rtmps: number | undefined;
}

export interface ConnectionSettings {
  /** An origin without a slash at the end. */
  readonly publicUrl: string | undefined;
  readonly trustProxy: boolean;
  ports(): ServedPorts;
  /** The certificate of HTTPS, as far as answers rest on it; undefined while HTTPS is off. */
  readonly certificate?: ServedCertificate | undefined;
}

export interface ServedCertificate {
  /** True when browsers trust it as they are. */
  readonly isPublic: boolean;
}

/** A host name or address with an optional port; anything else in a Host header is not repeated in an answer. */
const HOST_SHAPE = /^(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** The address that limits count: the peer, or what a trusted proxy saw as its peer. */
export function remoteAddressOf(request: Request, connection: Connection, { trustProxy }: ConnectionSettings): string {
  const forwarded = trustProxy ? request.headers.get('x-forwarded-for') : null;
  // A proxy appends: only the last entry is its own word.
  return forwarded?.split(',').at(-1)?.trim() || (connection.incoming.socket.remoteAddress ?? 'unknown');
}

/** The origin of the request itself, like `http://localhost:8080`. */
export function requestOrigin(request: Request, connection: Connection, { trustProxy, ports }: ConnectionSettings): string {
  const forwardedProto = trustProxy ? request.headers.get('x-forwarded-proto') : null;
  const secure = forwardedProto === null ? connection.incoming.socket.encrypted === true : forwardedProto === 'https';
  const host = request.headers.get('host') ?? new URL(request.url).host;
  const own = ports();
  // Behind a proxy nothing is known of its ports; a Host that is not one was not written by a browser.
  const port = secure ? (own.https ?? own.http) : own.http;
  return `${secure ? 'https' : 'http'}://${HOST_SHAPE.test(host) ? host.toLowerCase() : `localhost:${port}`}`;
}

/** Where the asker finds this server encrypted, by the name it was asked by; undefined while HTTPS is off. */
export function secureOriginOf(request: Request, connection: Connection, settings: ConnectionSettings): string | undefined {
  if (settings.publicUrl?.startsWith('https:')) return settings.publicUrl;
  const own = requestOrigin(request, connection, settings);
  if (own.startsWith('https:')) return own;
  const { https } = settings.ports();
  if (https === undefined) return undefined;
  const { hostname } = new URL(own);
  return `https://${hostname}:${https}`;
}

/** RFC 6797: only where the operator named an https address that everybody's browser trusts. It would otherwise lock people out of plain HTTP. */
export function mayBeStrict(request: Request, connection: Connection, settings: ConnectionSettings): boolean {
  const { publicUrl, certificate } = settings;
  if (connection.incoming.socket.encrypted !== true || certificate?.isPublic !== true) return false;
  return publicUrl?.startsWith('https:') === true && new URL(publicUrl).host === new URL(requestOrigin(request, connection, settings)).host;
}

/** The addresses that answers give. */
export function originOf(request: Request, connection: Connection, settings: ConnectionSettings): Origin {
  const web = settings.publicUrl ?? requestOrigin(request, connection, settings);
  const { hostname } = new URL(web);
  const { rtmp, rtmps } = settings.ports();
  return {
    web,
    rtmp: rtmp === undefined ? undefined : `rtmp://${hostname}:${rtmp}/live`,
    rtmps: rtmps === undefined ? undefined : `rtmps://${hostname}:${rtmps}/live`,
  };
}

/** Whether a cookie set now may be `Secure`. */
export function isSecure(request: Request, connection: Connection, settings: ConnectionSettings): boolean {
  const own = requestOrigin(request, connection, settings);
  if (own.startsWith('https:')) return true;
  // Behind a proxy that says nothing of the scheme, asked by the public name.
  return settings.publicUrl?.startsWith('https:') === true && new URL(own).host === new URL(settings.publicUrl).host;
}
