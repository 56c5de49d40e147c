/** How a media process is to fetch a source: the address it is given, the options, and what stands between it and the network. */
import { realpath } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join, sep } from 'node:path';
import { AppError } from '../../lib/app-error.ts';
import type { DemuxTask } from '../../transports/ffmpeg/messages.ts';
import { CheckedProxy, type CheckedProxyDeps } from './checked-proxy.ts';
import { connectionFailure, readingFailure } from './failure.ts';
import { Tunnel } from './tunnel.ts';

export interface InputDeps extends CheckedProxyDeps {
  /** Of files that sources may name; undefined: of none. */
  readonly mediaDir: string | undefined;
}

export interface Input {
  readonly task: DemuxTask;
  /** What the way found out; libavformat often says no more than that it did not work. */
  explain(why: string): AppError;
  close(): void;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'rtmp:': 1935, 'rtmps:': 443, 'rtsp:': 554, 'rtsps:': 322 };

/** A network call that brings nothing for so long is given up, in microseconds. */
const NETWORK_TIMEOUT = '15000000';

/** What a network needs to send again what was lost. */
const SRT_LATENCY_MICROS = 200_000;

/** Containers that hold media themselves: others would name files and addresses of their own. */
const CONTAINERS = 'mov,matroska,mpegts,flv,mp3,aac,ogg,wav';

/** Rejects with AppError. */
export async function openInput(text: string, deps: InputDeps, signal: AbortSignal): Promise<Input> {
  const url = new URL(text);
  switch (url.protocol) {
    case 'file:':
      return fileInput(decodeURIComponent(text.replace(/^file:/, '')), deps);
    case 'srt:':
      return srtInput(url, deps, signal);
    case 'http:':
    case 'https:':
      return httpInput(url, deps);
    default:
      return tunnelledInput(url, deps);
  }
}

async function fileInput(name: string, { mediaDir }: InputDeps): Promise<Input> {
  if (mediaDir === undefined) throw noFile('This server has no folder for files (MEDIA_DIR).');
  // Links may lead out of the folder.
  const [folder, path] = await Promise.all([realpath(mediaDir), realpath(join(mediaDir, name))]).catch(() => {
    throw noFile(`There is no file named ${name} in the server’s media folder.`);
  });
  if (!path.startsWith(folder + sep)) throw noFile(`There is no file named ${name} in the server’s media folder.`);
  const options = { protocol_whitelist: 'file', format_whitelist: CONTAINERS };
  return { task: { type: 'demux', url: `file:${path}`, options, isPaced: true, isLooped: true }, explain: readingFailure, close: () => {} };
}

function noFile(detail: string): AppError {
  return new AppError('source_not_found', { detail });
}

async function srtInput(url: URL, { addresses }: InputDeps, signal: AbortSignal): Promise<Input> {
  const [{ address }] = await addresses.resolvePublic(url.hostname, signal).catch((error: unknown) => {
    throw connectionFailure(error, url.hostname, Number(url.port));
  });
  const query = [`mode=caller`, `transtype=live`, `connect_timeout=5000`, `latency=${SRT_LATENCY_MICROS}`];
  for (const name of ['streamid', 'passphrase']) {
    const value = url.searchParams.get(name);
    if (value) query.push(`${name}=${name === 'streamid' ? encodeURIComponent(value) : value}`);
  }
  const options = { protocol_whitelist: 'srt', format_whitelist: 'mpegts', rw_timeout: NETWORK_TIMEOUT };
  const host = isIPv6(address) ? `[${address}]` : address;
  const doubt = url.searchParams.has('passphrase') || url.searchParams.has('streamid') ? ' The passphrase or the stream id may be wrong.' : '';
  const unreachable = new AppError('source_unreachable', { detail: `The connection to ${url.host} could not be made, or was lost.${doubt}` });
  return {
    task: { type: 'demux', url: `srt://${host}:${url.port}?${query.join('&')}`, options, isPaced: false, isLooped: false },
    explain: (why) => (why.includes('Invalid data') ? readingFailure(why) : unreachable),
    close: () => {},
  };
}

async function httpInput(url: URL, deps: InputDeps): Promise<Input> {
  const proxy = new CheckedProxy(deps);
  const options = {
    protocol_whitelist: 'http,https,tls,tcp,httpproxy,crypto,data',
    format_whitelist: `hls,${CONTAINERS}`,
    http_proxy: await proxy.start(),
    rw_timeout: NETWORK_TIMEOUT,
    user_agent: 'Millrace',
    // Names of segments say nothing about what is in them.
    extension_picky: '0',
  };
  return {
    task: { type: 'demux', url: url.href, options, isPaced: true, isLooped: false },
    explain: (why) => proxy.failure ?? readingFailure(why),
    close: () => proxy.close(),
  };
}

/** RTMP and RTSP, with and without TLS. */
async function tunnelledInput(url: URL, { addresses, farTls }: InputDeps): Promise<Input> {
  const isTls = url.protocol.endsWith('s:');
  const isRtsp = url.protocol.startsWith('rtsp');
  const port = Number(url.port) || (DEFAULT_PORTS[url.protocol] ?? 0);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  await addresses.resolvePublic(host).catch((error: unknown) => {
    throw connectionFailure(error, host, port);
  });
  const tunnel = new Tunnel({ host, port, isTls, isRtsp, addresses, farTls });
  const login = url.username === '' ? '' : `${url.username}:${url.password}@`;
  const near = `${isRtsp ? 'rtsp' : 'rtmp'}://${login}127.0.0.1:${await tunnel.start()}${url.pathname}${url.search}`;
  const [, app = ''] = url.pathname.split('/');
  const options: DemuxTask['options'] = isRtsp
    ? { protocol_whitelist: 'rtsp,rtp,tcp', rtsp_transport: 'tcp', timeout: NETWORK_TIMEOUT }
    : { protocol_whitelist: 'rtmp,tcp', rtmp_live: 'live', rtmp_tcurl: `${url.protocol}//${url.host}/${app}`, rw_timeout: NETWORK_TIMEOUT };
  return {
    task: { type: 'demux', url: near, options, isPaced: false, isLooped: false },
    explain: (why) => tunnel.failure ?? readingFailure(why),
    close: () => tunnel.close(),
  };
}
