/** Millrace as a server of WHEP viewers. */
import { publishPictures } from '../source.ts';
import { MILLRACE } from './millrace.ts';
import type { RtcServer, RtcServerKind } from './rtc-server.ts';

export const MILLRACE_RTC = {
  name: MILLRACE.name,
  from: 'RTMP, packaged for LL-HLS and DASH as well',
  async start(): Promise<RtcServer> {
    const server = await MILLRACE.start();
    const { publishUrl, whepUrl, hlsUrl } = await server.addStream();
    return {
      version: server.version,
      pid: server.pid,
      join: { signalling: 'whep', url: whepUrl },
      publish: (source) => publishPictures(source, publishUrl),
      isReady: async () => (await fetch(hlsUrl)).ok,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
} as const satisfies RtcServerKind;
