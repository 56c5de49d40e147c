/** The avcC and the samples of H.264 as encoders give it out: in Annex B. */
import { writeAvcC } from '@millrace/media/codecs/h264-parameter-sets';
import { annexBUnits, withFourByteLengths } from '@millrace/media/codecs/nal';
import { H264Nal } from '@millrace/media/codecs/nal-types';

const PARAMETER_SETS: ReadonlySet<number> = new Set([H264Nal.sps, H264Nal.pps]);

/** avcC from the encoder's global header, or from a key frame that begins with the same. Throws ProtocolError when it lacks a parameter set. */
export function avcCOf(header: Uint8Array): Uint8Array {
  const sets = (annexBUnits(header) ?? []).map(({ begin, end }) => header.subarray(begin, end));
  return writeAvcC({ sps: sets.filter((set) => typeOf(set) === H264Nal.sps), pps: sets.filter((set) => typeOf(set) === H264Nal.pps) });
}

/** The sample behind four-byte lengths, undefined when it holds no picture. Parameter sets, which hardware repeats, belong into the avcC alone. */
export function sampleOf(packet: Uint8Array): Uint8Array | undefined {
  const units = annexBUnits(packet)?.filter(({ begin }) => !PARAMETER_SETS.has(typeOf(packet.subarray(begin))));
  return units && units.length > 0 ? withFourByteLengths(packet, units) : undefined;
}

function typeOf([header = 0]: Uint8Array): number {
  return header & 0x1f;
}
