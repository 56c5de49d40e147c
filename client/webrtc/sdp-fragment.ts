/** `application/trickle-ice-sdpfrag` (RFC 8840): candidates on their way to the server. */

interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

export interface TrickledCandidate {
  readonly candidate: string;
  readonly mid: string | null;
}

/** The first credentials in a description or fragment: all media share them in a bundle. */
function iceCredentialsOf(sdp: string): IceCredentials | undefined {
  const ufrag = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];
  const pwd = /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1];
  return ufrag === undefined || pwd === undefined ? undefined : { ufrag, pwd };
}

/**
 * A fragment with these candidates, grouped by media. `sdp` is the local description: it has the credentials and says which
 * media there are.
 */
export function fragmentOf(sdp: string, candidates: readonly TrickledCandidate[], done: boolean): string {
  const credentials = iceCredentialsOf(sdp);
  const lines = credentials ? [`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.pwd}`] : [];
  const media = mediaOf(sdp);
  const first = media[0]?.mid ?? '0';
  for (const { line, mid } of media.length > 0 ? media : [{ line: 'm=audio 9 UDP/TLS/RTP/SAVPF 0', mid: first }]) {
    const own = candidates.filter((candidate) => (candidate.mid ?? first) === mid);
    const ends = done && mid === first;
    if (own.length === 0 && !ends && (candidates.length > 0 || mid !== first)) continue;
    lines.push(line, `a=mid:${mid}`, ...own.map(({ candidate }) => `a=${candidate.replace(/^a=/, '')}`));
    if (ends) lines.push('a=end-of-candidates');
  }
  return `${lines.join('\r\n')}\r\n`;
}

function mediaOf(sdp: string): { line: string; mid: string }[] {
  return sdp
    .split(/^(?=m=)/m)
    .slice(1)
    .flatMap((section) => {
      const line = /^m=[^\r\n]*/.exec(section)?.[0];
      const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
      return line === undefined || mid === undefined ? [] : [{ line, mid }];
    });
}
