/** The attributes of ICE and DTLS, which stand with the session, a medium or a fragment alike. Sources: RFC 8839 §5, RFC 8122 §5, RFC 4145 §4. */
import { ProtocolError } from '../protocol-error.ts';
import type { DtlsSetup, Fingerprint } from './description.ts';

/** What has been read so far. */
export interface TransportAttributes {
  ufrag?: string;
  pwd?: string;
  fingerprints: Fingerprint[];
  setup?: DtlsSetup;
  candidates: string[];
  endOfCandidates: boolean;
}

/** Two families, host, reflexive and relayed, some networks: more is an attack on the checks ICE does. */
export const MAX_CANDIDATES = 64;

const MAX_FINGERPRINTS = 8;
const SETUPS: readonly DtlsSetup[] = ['active', 'passive', 'actpass', 'holdconn'];

/** Takes the attribute when it is one of these. Throws ProtocolError. */
export function parseTransportAttribute(name: string, value: string, into: TransportAttributes): void {
  switch (name) {
    case 'ice-ufrag':
      into.ufrag = iceText(name, value, 4);
      break;
    case 'ice-pwd':
      into.pwd = iceText(name, value, 22);
      break;
    case 'fingerprint':
      if (into.fingerprints.length < MAX_FINGERPRINTS) into.fingerprints.push(readFingerprint(value));
      break;
    case 'setup':
      into.setup = readSetup(value);
      break;
    case 'candidate':
      if (into.candidates.length < MAX_CANDIDATES) into.candidates.push(value);
      break;
    case 'end-of-candidates':
      into.endOfCandidates = true;
  }
}

/** RFC 8839 §5.4. */
function iceText(name: string, value: string, min: number): string {
  if (value.length < min || value.length > 256 || !/^[A-Za-z0-9+/]+$/.test(value)) throw new ProtocolError(`${name} is not ${min} to 256 characters of ice-char`);
  return value;
}

function readSetup(value: string): DtlsSetup {
  const setup = SETUPS.find((known) => known === value);
  if (!setup) throw new ProtocolError(`setup ${JSON.stringify(value.slice(0, 20))} is not one of ${SETUPS.join(', ')}`);
  return setup;
}

function readFingerprint(value: string): Fingerprint {
  const match = /^([A-Za-z0-9-]{1,20}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){1,63})$/.exec(value);
  const [, algorithm, bytes] = match ?? [];
  if (!algorithm || !bytes) throw new ProtocolError('fingerprint is not an algorithm and hexadecimal bytes');
  return { algorithm: algorithm.toLowerCase(), value: bytes.toUpperCase() };
}
