/** Where this server is found: the ports as its doors open, and the ready line that tells them. */
import type { Config } from './config/load.ts';
import { isWildcard, urlHost } from './lib/machine.ts';
import type { TurnPorts } from './transports/turn/server.ts';

/** What is being served where; filled in as the doors open. */
export interface ServedPorts {
  http: number;
  https: number | undefined;
  rtmp: number;
  rtmps: number | undefined;
  webrtc: number;
  turn: TurnPorts | undefined;
}

/** The port that people reach HTTPS by may be another than the one it listens on. */
export function publicHttpsPort(publicUrl: string | undefined): number | undefined {
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  return url?.protocol === 'https:' ? Number(url.port || 443) : undefined;
}

/** The one line on standard output. HTTPS is for other devices: it is told by the address that they reach. */
export function readyLine({ publicUrl, host }: Config, ports: Readonly<ServedPorts>, lanAddress: string | undefined): string {
  const name = shownHost(host);
  const addresses = [`http=http://${name}:${ports.http}`];
  if (ports.https !== undefined) addresses.push(`https=https://${isWildcard(host) && lanAddress !== undefined ? urlHost(lanAddress) : name}:${ports.https}`);
  addresses.push(`rtmp=rtmp://${name}:${ports.rtmp}/live`);
  if (ports.rtmps !== undefined) addresses.push(`rtmps=rtmps://${name}:${ports.rtmps}/live`);
  addresses.push(`webrtc=udp://${name}:${ports.webrtc}`);
  if (ports.turn) addresses.push(`turn=turn:${name}:${ports.turn.port}`);
  if (ports.turn?.tlsPort !== undefined) addresses.push(`turns=turns:${name}:${ports.turn.tlsPort}`);
  if (publicUrl !== undefined) addresses.push(`public=${publicUrl}`);
  return `ready ${addresses.join(' ')}`;
}

/** An address to listen on as the host of a URL. */
export function shownHost(host: string): string {
  return isWildcard(host) ? 'localhost' : urlHost(host);
}
