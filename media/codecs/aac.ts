/** AAC: the AudioSpecificConfig. Source: ISO/IEC 14496-3 §1.6.2.1, §4.4.1. */
import { BitReader } from '../bit-reader.ts';
import { ProtocolError } from '../protocol-error.ts';

export interface AacConfig {
  readonly codecString: string;
  /** Of the decoded sound: twice the core's with spectral band replication. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples a frame decodes to at `sampleRate`. */
  readonly frameSamples: number;
}

const SAMPLE_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];

const SBR = 5;
const LOW_DELAY = 23;
const PARAMETRIC_STEREO = 29;
const SYNC_SBR = 0x2b7;

/** Reads an AudioSpecificConfig. Throws ProtocolError. */
export function readAudioSpecificConfig(config: Uint8Array): AacConfig {
  const bits = new BitReader(config);
  const objectType = readObjectType(bits);
  const coreRate = readSampleRate(bits);
  const channelConfiguration = bits.bits(4);
  let extendedRate: number | undefined;
  let coreType = objectType;
  if (objectType === SBR || objectType === PARAMETRIC_STEREO) {
    extendedRate = readSampleRate(bits);
    coreType = readObjectType(bits);
  }
  const isShort = bits.bitsLeft > 0 && bits.flag();
  const isLowDelay = coreType === LOW_DELAY;
  const coreSamples = isLowDelay ? (isShort ? 480 : 512) : isShort ? 960 : 1024;
  // §1.6.6.3: the backward compatible form stands behind a sync word; here after the two flags left of GASpecificConfig.
  if (extendedRate === undefined && channelConfiguration !== 0) extendedRate = readTrailingSbr(bits);
  // Parametric stereo makes two channels of one; a program config element (0) is nearly always stereo.
  const channels = objectType === PARAMETRIC_STEREO ? 2 : channelConfiguration === 0 ? 2 : CHANNELS[channelConfiguration];
  if (channels === undefined) throw new ProtocolError(`AAC channel configuration ${channelConfiguration} is reserved`);
  const sampleRate = extendedRate ?? coreRate;
  const hasSbr = extendedRate !== undefined;
  return {
    codecString: `mp4a.40.${hasSbr && objectType !== PARAMETRIC_STEREO ? SBR : objectType}`,
    sampleRate,
    channels,
    frameSamples: Math.round((coreSamples * sampleRate) / coreRate),
  };
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === 31 ? 32 + bits.bits(6) : type;
}

function readSampleRate(bits: BitReader): number {
  const index = bits.bits(4);
  const rate = index === 15 ? bits.bits(24) : SAMPLE_RATES[index];
  if (rate === undefined || rate < 4_000 || rate > 192_000) throw new ProtocolError(`AAC sample rate ${rate ?? `index ${index}`} is not between 4000 and 192000 Hz`);
  return rate;
}

function readTrailingSbr(bits: BitReader): number | undefined {
  if (bits.bitsLeft < 2) return undefined;
  if (bits.flag()) return undefined;
  bits.skip(1);
  if (bits.bitsLeft < 21 || bits.bits(11) !== SYNC_SBR || readObjectType(bits) !== SBR || !bits.flag()) return undefined;
  return readSampleRate(bits);
}
