/** What the bench needs of a server that forwards video by WebRTC, ours or a peer's. */
import type { Child } from '../../e2e/harness/child.ts';

export interface RtcServer extends AsyncDisposable {
  readonly version: string;
  /** Root of its processes. */
  readonly pid: number;
  /** How viewers get in, and where. */
  readonly join: { readonly signalling: 'whep' | 'janus'; readonly url: string };
  /** Begins to send it the pictures of a file, without sound. */
  publish(source: string): Child;
  /** True once viewers can come, where joining earlier fails. */
  isReady?(): Promise<boolean>;
}

export interface RtcServerKind {
  readonly name: string;
  /** What it takes the pictures by. */
  readonly from: string;
  start(): Promise<RtcServer>;
}
