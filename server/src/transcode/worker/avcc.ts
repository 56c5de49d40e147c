/** The avcC and the samples of H.264 as x264 gives it out: in Annex B. */

import { writeAvcC } from '@millrace/media/codecs/h264-parameter-sets';
import { annexBUnits, withFourByteLengths } from '@millrace/media/codecs/nal';
import { H264Nal } from '@millrace/media/codecs/nal-types';

/** avcC from the encoder's global header. Throws ProtocolError when it lacks a parameter set. */
export function avcCOf(header: Uint8Array): Uint8Array {
  const sets = (annexBUnits(header) ?? []).map(({ begin, end }) => header.subarray(begin, end));
  return writeAvcC({ sps: sets.filter((set) => typeOf(set) === H264Nal.sps), pps: sets.filter((set) => typeOf(set) === H264Nal.pps) });
}

/** The sample behind four-byte lengths, undefined when it holds no NAL units. */
export function sampleOf(packet: Uint8Array): Uint8Array | undefined {
  const units = annexBUnits(packet);
  return units && units.length > 0 ? withFourByteLengths(packet, units) : undefined;
}

function typeOf([header = 0]: Uint8Array): number {
  return header & 0x1f;
}
