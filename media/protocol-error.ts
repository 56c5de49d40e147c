/** What a parser of outside bytes throws: the peer or the file broke its format. Whoever owns the session handles it. */

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}
