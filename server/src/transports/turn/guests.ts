/** Who else is reached on the relay's port: WebRTC peers that found a new path to their session. Told apart by what they send (RFC 7983). Pure. */
import type { ClientLink } from './client-link.ts';

/** How a guest is answered: directly, or through the relay itself. */
export type GuestPath = Pick<ClientLink, 'key' | 'remote' | 'remoteAddress' | 'send' | 'relay'>;

/** False: it is none of theirs, and may be TURN. */
export interface PortGuests {
  /** DTLS, SRTP or SRTCP, by the key of the path it came by. */
  media(pathKey: string, packet: Uint8Array): boolean;
  /** A STUN message with the method Binding, which clients send as well to learn their address. */
  binding(message: Uint8Array, path: GuestPath): boolean;
}

/** Whether a packet begins as DTLS, SRTP or SRTCP. */
export function isMedia(packet: Uint8Array): boolean {
  const first = packet[0] ?? 0;
  return (first >= 20 && first <= 63) || (first >= 128 && first <= 191);
}

/** Whether a packet begins as a Binding request, indication or answer: the class is in two bits of the type, the method in the others. */
export function isBinding(packet: Uint8Array): boolean {
  return ((packet[0] ?? 0xff) & 0xfe) === 0 && ((packet[1] ?? 0xff) & 0xef) === 1;
}
