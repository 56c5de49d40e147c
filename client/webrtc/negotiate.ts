/** A peer connection and its server come to terms: offer, answer, candidates as they are found. */
import { fragmentOf, type TrickledCandidate } from './sdp-fragment.ts';
import { Signalling, type SignallingDeps, SignallingError } from './signalling.ts';

/** Candidates found within this time go in one request. */
const TRICKLE_BATCH_MS = 60;

/** Throws SignallingError when the server refuses or cannot be reached. */
export async function negotiate(peer: RTCPeerConnection, deps: SignallingDeps, signal: AbortSignal): Promise<Signalling> {
  const offer = await peer.createOffer();
  const signalling = await Signalling.offer(deps, offer.sdp ?? '', signal);
  if (peer.signalingState === 'closed') {
    signalling.end();
    throw new SignallingError('closed while connecting', 0);
  }
  try {
    // Gathering begins with the local description, so what the answer says to gather from comes first (RFC 9725 §4.6).
    if (signalling.iceServers.length > 0) peer.setConfiguration({ ...peer.getConfiguration(), iceServers: [...signalling.iceServers] });
    trickle(peer, signalling);
    await peer.setLocalDescription(offer);
    await peer.setRemoteDescription({ type: 'answer', sdp: signalling.answer });
  } catch (cause) {
    signalling.end();
    throw new SignallingError('the answer of the server cannot be used', 406, undefined, cause);
  }
  return signalling;
}

function trickle(peer: RTCPeerConnection, signalling: Signalling): void {
  let found: TrickledCandidate[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (done: boolean) => {
    clearTimeout(timer);
    timer = undefined;
    if (peer.signalingState === 'closed') return;
    void signalling.trickle(fragmentOf(peer.localDescription?.sdp ?? '', found, done));
    found = [];
  };
  peer.addEventListener('icecandidate', ({ candidate }) => {
    if (!candidate || candidate.candidate === '') {
      tell(true);
      return;
    }
    found.push({ candidate: candidate.candidate, mid: candidate.sdpMid });
    timer ??= setTimeout(() => tell(false), TRICKLE_BATCH_MS);
  });
}
