/** The sockets of one stream: what they are told when something happens. Text is made once for all who hear the same. */
import type { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import type { Broadcast } from '../stream/broadcast.ts';
import { type Audience, statusEvent } from './stream-status.ts';

/** A socket as the channel sees it. */
export interface ChannelMember {
  readonly audience: Audience;
  /** @param droppable a slow client may miss it. */
  send(event: string, droppable?: boolean): void;
  close(code: number, reason: string): void;
}

export class StreamChannel<Member extends ChannelMember = ChannelMember> {
  readonly #members = new Set<Member>();
  /** Members who have not heard the count that holds now. */
  #isCountDue = false;
  #recordingChanges = 0;

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** How often it was told that a recording changed. */
  get recordingChanges(): number {
    return this.#recordingChanges;
  }

  all(): readonly Member[] {
    return [...this.#members];
  }

  join(member: Member, broadcast: Broadcast | null, now: number): void {
    this.#members.add(member);
    member.send(encode(statusEvent(broadcast, member.audience, now)));
    this.#isCountDue = true;
  }

  leave(member: Member): void {
    this.#members.delete(member);
  }

  status(broadcast: Broadcast, now: number): void {
    const text: Record<Audience, string> = {
      owner: encode(statusEvent(broadcast, 'owner', now)),
      viewer: encode(statusEvent(broadcast, 'viewer', now)),
    };
    for (const member of this.#members) member.send(text[member.audience]);
  }

  viewersChanged(): void {
    this.#isCountDue = true;
  }

  /** Called once a second: tells the count if it is due. */
  tellViewers(viewers: number): void {
    if (!this.#isCountDue) return;
    this.#isCountDue = false;
    const text = encode({ type: 'VIEWERS_COUNTED', viewers });
    for (const member of this.#members) member.send(text, true);
  }

  close(code: number, reason: string): void {
    for (const member of [...this.#members]) member.close(code, reason);
  }

  /** What is recorded is the owner's business. */
  recordingChanged(event: StreamSocketEvent): void {
    this.#recordingChanges++;
    const text = encode(event);
    for (const member of this.#members) if (member.audience === 'owner') member.send(text);
  }

  /** @param isPrivate only the owner may watch it. */
  recordingReady(event: StreamSocketEvent, isPrivate: boolean): void {
    const text = encode(event);
    for (const member of this.#members) if (!isPrivate || member.audience === 'owner') member.send(text);
  }

  measured(event: () => StreamSocketEvent): void {
    let text: string | undefined;
    for (const member of this.#members) {
      if (member.audience !== 'owner') continue;
      text ??= encode(event());
      member.send(text, true);
    }
  }
}

export function encode(event: StreamSocketEvent): string {
  return JSON.stringify(event);
}
