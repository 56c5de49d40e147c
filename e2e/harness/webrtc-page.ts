/** A bare browser page as a WHIP publisher or a WHEP viewer, with nothing of ours in it. Functions given to evaluate() use nothing from outside. */
import type { StreamWithKey } from '@millrace/contract/rest/streams';
import type { Browser, Page } from 'playwright-core';
import { newVisitor } from './chromium.ts';
import { until } from './until.ts';

export interface Negotiated {
  readonly status: number;
  readonly location: string | null;
  readonly etag: string | null;
  readonly body: string;
}

export interface PublishOptions {
  readonly url: string;
  readonly token: string;
  /** As browsers name it: `H264`, `VP8` … The only one offered. */
  readonly codec?: string;
  /** Simulcast layers, least first. */
  readonly layers?: number;
  /** Of the camera; default 320 × 240, 640 × 480 with layers. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** UDP port to use in place of the server's. */
  readonly port?: number | undefined;
}

/** Where to publish a stream that was made just now, and by what right. */
export function whipOf({ ingest }: StreamWithKey): Pick<PublishOptions, 'url' | 'token'> {
  const { url, token } = ingest.whip;
  if (token === undefined) throw new Error('the answer that makes a stream has its token');
  return { url, token };
}

/** A page of the server's own origin with nothing on it. */
export async function openBlankPage(browser: Browser, http: string): Promise<Page> {
  const page = await (await newVisitor(browser)).newPage();
  await page.goto(`${http}/healthz`);
  return page;
}

/** Sends the fake camera and microphone, in place of what the page sent before. The page must be of a secure or local origin. */
export function publishFromPage(page: Page, options: PublishOptions): Promise<Negotiated> {
  return page.evaluate(async ({ url, token, codec, layers, size = layers ? { width: 640, height: 480 } : { width: 320, height: 240 }, port }: PublishOptions) => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: size, audio: { echoCancellation: false, noiseSuppression: false } });
    const before: unknown = Reflect.get(window, 'connection');
    if (before instanceof RTCPeerConnection) {
      for (const { track } of before.getSenders()) track?.stop();
      before.close();
    }
    const connection = new RTCPeerConnection();
    Object.assign(window, { connection });
    for (const track of stream.getTracks()) {
      const sendEncodings = track.kind === 'video' && layers ? Array.from({ length: layers }, (_, i) => ({ rid: `r${i}`, scaleResolutionDownBy: 2 ** (layers - 1 - i) })) : [];
      const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [stream], ...(sendEncodings.length > 0 && { sendEncodings }) });
      const all = RTCRtpSender.getCapabilities(track.kind)?.codecs ?? [];
      if (track.kind === 'video' && codec) transceiver.setCodecPreferences(all.filter(({ mimeType }) => mimeType === `video/${codec}`));
    }
    await connection.setLocalDescription();
    const response = await fetch(url, {
      method: 'POST',
      body: connection.localDescription?.sdp ?? '',
      headers: { 'content-type': 'application/sdp', authorization: `Bearer ${token}` },
    });
    const body = await response.text();
    if (response.status === 201)
      await connection.setRemoteDescription({ type: 'answer', sdp: port === undefined ? body : body.replaceAll(/(a=candidate:\d+ 1 udp \d+ \S+) \d+/g, `$1 ${port}`) });
    return { status: response.status, location: response.headers.get('location'), etag: response.headers.get('etag'), body };
  }, options);
}

export interface Restarted {
  readonly status: number;
  readonly etag: string | null;
  readonly body: string;
}

/** Restarts ICE of the page's connection, as a client does that knows RFC 9725 and nothing of this server. */
export function restartInPage(page: Page, session: { readonly url: string; readonly token?: string }): Promise<Restarted> {
  return page.evaluate(async ({ url, token }): Promise<Restarted> => {
    const connection: unknown = Reflect.get(window, 'connection');
    if (!(connection instanceof RTCPeerConnection)) throw new Error('the page has no connection');
    const answer = connection.remoteDescription?.sdp ?? '';
    connection.restartIce();
    await connection.setLocalDescription();
    const offer = connection.localDescription?.sdp ?? '';
    const line = (text: string, name: string) => new RegExp(`^a=${name}:.*\\r\\n`, 'm').exec(text)?.[0] ?? '';
    const response = await fetch(url, {
      method: 'PATCH',
      body: `${line(offer, 'ice-ufrag')}${line(offer, 'ice-pwd')}`,
      headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    });
    const body = await response.text();
    if (response.status === 200) {
      const candidates = body.match(/^a=candidate:.*\r\n/gm)?.join('') ?? '';
      const sdp = answer
        .replaceAll(/^a=candidate:.*\r\n/gm, '')
        .replaceAll(/^a=ice-ufrag:.*\r\n/gm, line(body, 'ice-ufrag'))
        .replaceAll(/^a=ice-pwd:.*\r\n/gm, `${line(body, 'ice-pwd')}${candidates}`);
      await connection.setRemoteDescription({ type: 'answer', sdp });
    }
    return { status: response.status, etag: response.headers.get('etag'), body };
  }, session);
}

export interface PlayOptions {
  /** UDP port to use in place of the server's. */
  readonly port?: number | undefined;
  /** What is offered, in this order; default picture and sound. */
  readonly kinds?: readonly ('video' | 'audio')[];
  readonly bundlePolicy?: 'balanced' | 'max-bundle';
}

/** Plays in a `video` element of the page, in place of what it played before. */
export function playInPage(page: Page, url: string, options: PlayOptions = {}): Promise<Negotiated & { readonly firstFrameMs: number | undefined }> {
  return page.evaluate(
    async ({ whep, port, kinds = ['video', 'audio'], bundlePolicy = 'balanced' }: PlayOptions & { whep: string }) => {
      const started = performance.now();
      const before: unknown = Reflect.get(window, 'connection');
      if (before instanceof RTCPeerConnection) before.close();
      const connection = new RTCPeerConnection({ bundlePolicy });
      Object.assign(window, { connection });
      const video = document.createElement('video');
      video.autoplay = true;
      const stream = new MediaStream();
      video.srcObject = stream;
      document.body.replaceChildren(video);
      connection.ontrack = ({ track }) => stream.addTrack(track);
      for (const kind of kinds) connection.addTransceiver(kind, { direction: 'recvonly' });
      await connection.setLocalDescription();
      const response = await fetch(whep, { method: 'POST', body: connection.localDescription?.sdp ?? '', headers: { 'content-type': 'application/sdp' } });
      const body = await response.text();
      const negotiated = { status: response.status, location: response.headers.get('location'), etag: response.headers.get('etag'), body };
      if (response.status !== 201) return { ...negotiated, firstFrameMs: undefined };
      const shown = new Promise<number>((resolve) => video.requestVideoFrameCallback(() => resolve(performance.now() - started)));
      await connection.setRemoteDescription({ type: 'answer', sdp: port === undefined ? body : body.replaceAll(/(a=candidate:\d+ 1 udp \d+ \S+) \d+/g, `$1 ${port}`) });
      const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 10_000));
      return { ...negotiated, firstFrameMs: await Promise.race([shown, late]) };
    },
    { whep: url, ...options },
  );
}

export interface Received {
  readonly frames: number;
  readonly width: number;
  readonly audioLevel: number;
  readonly codec: string;
  readonly state: string;
  readonly lost: number;
  /** Packets that came again in the stream for such packets. */
  readonly retransmitted: number;
}

/** What the page has received so far, by its own statistics. */
export function receivedBy(page: Page): Promise<Received> {
  return page.evaluate(async () => {
    const connection: unknown = Reflect.get(window, 'connection');
    const received = { frames: 0, width: 0, audioLevel: 0, codec: '', state: 'new', lost: 0, retransmitted: 0 };
    if (!(connection instanceof RTCPeerConnection)) return received;
    received.state = connection.connectionState;
    const codecs = new Map<string, string>();
    const report = await connection.getStats();
    // The type of the report lacks its iterator in this version of the DOM's types.
    const entries = [...Reflect.get(report, 'values').call(report)];
    for (const entry of entries) if (entry.type === 'codec') codecs.set(entry.id, entry.mimeType);
    for (const entry of entries) {
      if (entry.type !== 'inbound-rtp') continue;
      received.lost += entry.packetsLost;
      received.retransmitted += entry.retransmittedPacketsReceived ?? 0;
      if (entry.kind === 'audio') received.audioLevel = Math.max(received.audioLevel, Math.sqrt((entry.totalAudioEnergy ?? 0) / Math.max(0.001, entry.totalSamplesDuration ?? 0)));
      if (entry.kind === 'video') Object.assign(received, { frames: entry.framesDecoded ?? 0, width: entry.frameWidth ?? 0, codec: codecs.get(entry.codecId) ?? '' });
    }
    return received;
  });
}

export interface Sent {
  /** What the encoder of the picture is told to make. */
  readonly targetBitsPerSecond: number;
  readonly roundTripMs: number;
}

/** How the page sends, by its own statistics. */
export function sentBy(page: Page): Promise<Sent> {
  return page.evaluate(async () => {
    const connection: unknown = Reflect.get(window, 'connection');
    const sent = { targetBitsPerSecond: 0, roundTripMs: 0 };
    if (!(connection instanceof RTCPeerConnection)) return sent;
    const report = await connection.getStats();
    for (const entry of Reflect.get(report, 'values').call(report)) {
      if (entry.type === 'outbound-rtp' && entry.kind === 'video') sent.targetBitsPerSecond = entry.targetBitrate ?? 0;
      if (entry.type === 'candidate-pair' && entry.nominated) sent.roundTripMs = Math.round((entry.currentRoundTripTime ?? 0) * 1000);
    }
    return sent;
  });
}

/** Waits for so many more frames to be decoded. */
export async function moreFrames(page: Page, count: number, timeoutMs: number): Promise<Received> {
  const before = (await receivedBy(page)).frames;
  let last: Received | undefined;
  return until(
    async () => {
      last = await receivedBy(page);
      return last.frames >= before + count && last;
    },
    { what: `${count} more frames by WebRTC`, timeoutMs, seen: () => JSON.stringify(last) },
  );
}
