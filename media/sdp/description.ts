/** What a session description says, as far as WHIP and WHEP need it. Sources: RFC 8866, RFC 9429 §5, RFC 8839, RFC 8853. */

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface SdpCodec {
  /** 0 to 127. */
  readonly payloadType: number;
  /** As written; compared without regard to case. */
  readonly name: string;
  readonly clockRate: number;
  /** Of sound; undefined when not told, which means 1. */
  readonly channels: number | undefined;
  /** Format parameters, names in lower case. One without `=` has the empty name. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Feedback both sides know, such as `nack pli`. */
  readonly feedback: readonly string[];
}

export interface SdpExtension {
  readonly id: number;
  readonly uri: string;
}

export interface SdpSource {
  readonly ssrc: number;
  readonly cname: string | undefined;
}

export interface SdpSourceGroup {
  /** `FID` pairs media with retransmission, `SIM` names layers. */
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

export interface SdpRid {
  readonly id: string;
  readonly direction: 'send' | 'recv';
}

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

export interface Fingerprint {
  /** In lower case, such as `sha-256`. */
  readonly algorithm: string;
  /** Bytes in capital hexadecimal with colons between. */
  readonly value: string;
}

export type DtlsSetup = 'active' | 'passive' | 'actpass' | 'holdconn';

export interface SdpMedia {
  /** `audio`, `video`, `application` or what else is written. */
  readonly kind: string;
  /** 0 refuses the medium, but in a bundle whose first medium has a port. */
  readonly port: number;
  readonly protocol: string;
  readonly mid: string | undefined;
  readonly direction: Direction;
  /** In order of preference. */
  readonly codecs: readonly SdpCodec[];
  /** Formats without an rtpmap, such as `webrtc-datachannel`. */
  readonly otherFormats: readonly string[];
  readonly extensions: readonly SdpExtension[];
  /** Of the medium, or else of the session. */
  readonly ice: IceCredentials | undefined;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: DtlsSetup | undefined;
  /** Without `candidate:`; read with `parseCandidate`. */
  readonly candidates: readonly string[];
  readonly endOfCandidates: boolean;
  readonly sources: readonly SdpSource[];
  readonly sourceGroups: readonly SdpSourceGroup[];
  readonly rids: readonly SdpRid[];
  /** Layers in order of preference, as ids of `rids`. */
  readonly simulcast: { readonly send: readonly string[]; readonly recv: readonly string[] };
  /** Stream and track name. */
  readonly msid: string | undefined;
  readonly rtcpMux: boolean;
  readonly rtcpReducedSize: boolean;
  /** RFC 8843 §6: `a=bundle-only`. */
  readonly bundleOnly: boolean;
}

export interface SessionDescription {
  /** Identifies the session: decimal digits. */
  readonly sessionId: string;
  /** Counts the versions of this description. */
  readonly sessionVersion: number;
  /** Groups of mids that share one transport. */
  readonly bundles: readonly (readonly string[])[];
  readonly iceLite: boolean;
  readonly media: readonly SdpMedia[];
}
