/** What the transport needs of an offer: the peer's ICE and DTLS side. Pure. */
import { ProtocolError } from '@millrace/media/protocol-error';
import type { SdpMedia, SessionDescription } from '@millrace/media/sdp/description';
import type { RemoteEnd } from './peer-session.ts';

/** Those that DTLS of today checks, best first, with their bytes; others are not worth trusting. */
const HASHES = new Map([
  ['sha-256', 32],
  ['sha-384', 48],
  ['sha-512', 64],
  ['sha-1', 20],
]);

/** All media share one transport, that of the first which tells one. Throws ProtocolError. */
export function remoteEndOf({ media }: SessionDescription): RemoteEnd {
  const first = media.find(({ ice, fingerprints }) => ice && fingerprints.length > 0);
  if (!first?.ice) throw new ProtocolError('offer lacks ice-ufrag, ice-pwd or fingerprint');
  const fingerprint = [...HASHES.keys()].flatMap((hash) => first.fingerprints.find(({ algorithm }) => algorithm === hash) ?? [])[0];
  if (!fingerprint) throw new ProtocolError(`offer has no fingerprint of ${[...HASHES.keys()].join(', ')}`);
  const bytes = fingerprint.value.split(':').length;
  if (bytes !== HASHES.get(fingerprint.algorithm)) throw new ProtocolError(`fingerprint of ${bytes} bytes is none of ${fingerprint.algorithm}`);
  const setup = first.setup ?? 'actpass';
  if (setup === 'holdconn') throw new ProtocolError('offer holds its connection (setup:holdconn)');
  const unbundled = media.find((medium) => isCarried(medium) && !medium.rtcpMux);
  if (unbundled) throw new ProtocolError(`medium ${unbundled.mid ?? ''} has no rtcp-mux, which this server needs`);
  return { iceUfrag: first.ice.ufrag, icePwd: first.ice.pwd, fingerprint: `${fingerprint.algorithm} ${fingerprint.value}`, setup };
}

/** Sound and pictures that the offer itself does not refuse. */
export function isCarried({ kind, port, bundleOnly, mid }: SdpMedia): boolean {
  return (kind === 'audio' || kind === 'video') && mid !== undefined && (port !== 0 || bundleOnly);
}
