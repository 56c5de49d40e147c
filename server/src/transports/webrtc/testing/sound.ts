/** For tests: a publisher of sound, and what it sends. */
import { writeRtpHeader } from '@millrace/media/rtp/packet';
import { TestPeer } from './peer.ts';
import type { Stand } from './stand.ts';

/** A packet of it. */
export function opus(sequence: number): Uint8Array {
  const packet = new Uint8Array(12 + 40).fill(0xfc, 12);
  writeRtpHeader(packet, { marker: false, payloadType: 111, sequence, timestamp: sequence * 960, ssrc: 1002 });
  return packet;
}

/** Is connected. */
export async function publishSound(world: Stand): Promise<{ readonly peer: TestPeer; readonly response: Response }> {
  const peer = new TestPeer({ direction: 'sendonly', video: false });
  const response = await world.post('/whip/one', peer.offer, 'key-one');
  peer.answer(await response.clone().text());
  await peer.open;
  return { peer, response };
}
