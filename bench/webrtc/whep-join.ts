/** Joins a WHEP resource as one of many viewers. */
import { request } from 'node:http';
import { RtcViewer } from './viewer.ts';

export interface Joined {
  readonly viewer: RtcViewer;
  /** Says goodbye as the protocol has it. */
  leave(): Promise<void>;
}

export interface JoinOptions {
  /** Of 127.0.0.0/8: servers bound what one address may ask for. */
  readonly localAddress: string;
  /** Whether this viewer counts what it gets. */
  readonly counts: boolean;
}

export async function joinByWhep(url: string, { localAddress, counts }: JoinOptions): Promise<Joined> {
  const { viewer, offer } = RtcViewer.offering(counts);
  try {
    const { status, body, location } = await send(url, { method: 'POST', localAddress, body: offer });
    if (status !== 201) throw new Error(`${url} answered ${status}: ${body.slice(0, 200)}`);
    viewer.answered(body);
    await viewer.connected();
    const resource = new URL(location, url).href;
    return {
      viewer,
      async leave() {
        await send(resource, { method: 'DELETE', localAddress });
        viewer.close();
      },
    };
  } catch (error) {
    viewer.close();
    throw error;
  }
}

interface Call {
  readonly method: 'POST' | 'DELETE';
  readonly localAddress: string;
  readonly body?: string;
}

// Not fetch: it cannot say where from.
function send(url: string, { method, localAddress, body }: Call): Promise<{ readonly status: number; readonly body: string; readonly location: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/sdp', 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method, localAddress, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString(), location: response.headers.location ?? '' }));
    });
    call.once('error', reject);
    call.end(body);
  });
}
