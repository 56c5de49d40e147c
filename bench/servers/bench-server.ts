/** What the bench needs of a server, ours or a peer's. */

export interface BenchServer extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** Root of its processes. */
  readonly pid: number;
  readonly startMs: number;
  /** Room for one more publisher. */
  addStream(): Promise<BenchStream>;
}

export interface BenchStream {
  /** An RTMP URL, key included. */
  readonly publishUrl: string;
  /** Absent where the server makes no HLS. */
  readonly hlsUrl?: string;
  /** Absent where the server speaks no WebRTC. */
  readonly whepUrl?: string;
  readonly whip?: { readonly url: string; readonly token: string };
}

export interface BenchServerKind {
  readonly name: string;
  /** What it does with a published stream while it is measured. */
  readonly job: string;
  start(): Promise<BenchServer>;
}
