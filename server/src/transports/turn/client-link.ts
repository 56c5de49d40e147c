/** How the relay talks to a client, whatever the transport. */
import type { TransportAddress } from '@millrace/media/stun/address';

export interface ClientLink {
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Names the five-tuple among all that are open. */
  readonly key: string;
  readonly remote: TransportAddress;
  /** `remote` as text, for limits and the log. */
  readonly remoteAddress: string;
  /** The address of this machine that the client reached, when the transport tells. */
  readonly localAddress: string | undefined;
  /** False once the connection is gone; over UDP, the server's socket. */
  readonly isOpen: boolean;
  /** An answer. */
  send(message: Uint8Array): void;
  /** Relayed bytes in pieces, written without being joined. False when the client is too slow and they were dropped. */
  relay(pieces: readonly Uint8Array[]): boolean;
}
