/** For tests: the end of ICE that chooses, by hand, as a peer that restarts has it. Sends by whatever way it is given. */
import { randomBytes } from 'node:crypto';
import type { IceCredentials } from '@millrace/media/sdp/description';
import { readStun, StunClass, type StunMessage } from '@millrace/media/stun/message';
import { isSignedWith, writeCheck, writeCheckAnswer } from '../connectivity-check.ts';

const HERE = { ip: Uint8Array.of(127, 0, 0, 1), port: 1 };

export class ControllingEnd {
  readonly ice: IceCredentials;
  readonly #send: (packet: Uint8Array) => void;
  /** Of the server, once told. */
  server: IceCredentials = { ufrag: '', pwd: '' };
  /** Checks of the server that were answered. */
  checked = 0;
  /** Classes of the server's answers to checks of its own. */
  readonly answers: number[] = [];
  /** Messages that the server did not sign. */
  unsigned = 0;
  /** Whether it consents to being sent to. */
  consents = true;

  constructor(send: (packet: Uint8Array) => void, ice: IceCredentials = { ufrag: randomBytes(6).toString('base64'), pwd: randomBytes(24).toString('base64') }) {
    this.#send = send;
    this.ice = ice;
  }

  /** The body of the PATCH that begins it. */
  get fragment(): string {
    return `a=ice-ufrag:${this.ice.ufrag}\r\na=ice-pwd:${this.ice.pwd}\r\n`;
  }

  /** Takes the server's side from its answer. */
  apply(fragment: string): void {
    const [ufrag = '', pwd = ''] = ['ufrag', 'pwd'].map((name) => new RegExp(`^a=ice-${name}:(\\S+)\\r$`, 'm').exec(fragment)?.[1]);
    this.server = { ufrag, pwd };
  }

  /** A check that nominates the path, or with another role or password than it should have. */
  check({ role = 'nominating', password = this.server.pwd }: { readonly role?: 'nominating' | 'controlled'; readonly password?: string } = {}): Uint8Array {
    const check = writeCheck({ transactionId: randomBytes(12), username: `${this.server.ufrag}:${this.ice.ufrag}`, password, priority: 1_845_501_695, role });
    this.#send(check);
    return check;
  }

  /** Takes a STUN message of the server; answers checks. */
  receive(packet: Uint8Array): StunMessage {
    const message = readStun(packet);
    const isCheck = message.class === StunClass.request;
    if (!isSignedWith(message, isCheck ? this.ice.pwd : this.server.pwd)) this.unsigned++;
    else if (!isCheck) this.answers.push(message.class);
    else if (this.consents) {
      this.#send(writeCheckAnswer(message, HERE, this.ice.pwd));
      this.checked++;
    }
    return message;
  }
}
