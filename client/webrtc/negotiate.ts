/** A peer connection and its server come to terms: offer, answer, candidates as they are found, ICE restart. */
import { fragmentOf, type TrickledCandidate, withRestartedIce } from './sdp-fragment.ts';
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
    if (signalling.iceServers.length > 0) peer.setConfiguration({ iceServers: [...signalling.iceServers] });
    trickle(peer, signalling);
    await peer.setLocalDescription(offer);
    await peer.setRemoteDescription({ type: 'answer', sdp: signalling.answer });
  } catch (cause) {
    signalling.end();
    throw new SignallingError('the answer of the server cannot be used', 406, undefined, cause);
  }
  return signalling;
}

/** True when both sides have new credentials; false when the server cannot restart, and nothing changed. */
export async function restartIce(peer: RTCPeerConnection, signalling: Signalling): Promise<boolean> {
  const remote = peer.remoteDescription?.sdp;
  if (remote === undefined || peer.signalingState !== 'stable') return false;
  const offer = await peer.createOffer({ iceRestart: true });
  await peer.setLocalDescription(offer);
  const fragment = await signalling.restart(fragmentOf(offer.sdp ?? '', [], false));
  const answer = fragment === undefined ? undefined : withRestartedIce(remote, fragment);
  // A peer that was closed meanwhile throws at the next step, which is as good as false.
  if (answer === undefined) {
    await peer.setLocalDescription({ type: 'rollback' });
    return false;
  }
  await peer.setRemoteDescription({ type: 'answer', sdp: answer });
  return true;
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
