import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzzing.ts';
import { readAudioSpecificConfig } from './aac.ts';
import { readMp3Header } from './mp3.ts';
import { opusPacketSamples, readOpusHead } from './opus.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

const OPUS_HEAD = Uint8Array.from([...Buffer.from('OpusHead'), 1, 2, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0]);

describe('AAC', () => {
  test.each([
    { name: 'LC', config: '1210', codecString: 'mp4a.40.2', sampleRate: 44_100, channels: 2, frameSamples: 1024 },
    { name: 'LC with an unused extension, as ffmpeg writes it', config: '118856e500', codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 1, frameSamples: 1024 },
    { name: 'HE, signalled behind', config: '131056e598', codecString: 'mp4a.40.5', sampleRate: 48_000, channels: 2, frameSamples: 2048 },
    { name: 'HE, signalled in front', config: '2b118800', codecString: 'mp4a.40.5', sampleRate: 48_000, channels: 2, frameSamples: 2048 },
    { name: 'HE v2', config: 'eb098800', codecString: 'mp4a.40.29', sampleRate: 48_000, channels: 2, frameSamples: 2048 },
    { name: '5.1', config: '11b0', codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 6, frameSamples: 1024 },
  ])('$name is understood', ({ config, codecString, sampleRate, channels, frameSamples }) => {
    expect(readAudioSpecificConfig(hex(config))).toEqual({ codecString, sampleRate, channels, frameSamples });
  });

  test('a reserved sample rate is refused', () => {
    expect(() => readAudioSpecificConfig(hex('1690'))).toThrow('sample rate index 13');
  });

  test('throws nothing but ProtocolError', () => fuzz(readAudioSpecificConfig, [hex('131056e598'), hex('eb098800')]));
});

describe('Opus', () => {
  test('OpusHead becomes dOps', () => {
    expect(readOpusHead(OPUS_HEAD)).toEqual({ config: hex('000201380000bb80000000'), channels: 2 });
  });

  test.each([
    { packet: [0x78], samples: 960 },
    { packet: [0xfc], samples: 960 },
    { packet: [0xfd], samples: 1920 },
    { packet: [0xe3, 3], samples: 360 },
    { packet: [0x18], samples: 2880 },
    { packet: [], samples: 0 },
  ])('a packet of $packet lasts $samples samples', ({ packet, samples }) => {
    expect(opusPacketSamples(Uint8Array.from(packet))).toBe(samples);
  });

  test('throws nothing but ProtocolError', () => {
    fuzz(readOpusHead, [OPUS_HEAD]);
    fuzz(opusPacketSamples, [hex('e303')]);
  });
});

describe('MP3', () => {
  test('tells rate, channels and length from a frame', () => {
    expect(readMp3Header(hex('fffb9064'))).toEqual({ sampleRate: 44_100, channels: 2, frameSamples: 1152 });
    expect(readMp3Header(hex('fff340c4'))).toEqual({ sampleRate: 22_050, channels: 1, frameSamples: 576 });
    expect(() => readMp3Header(hex('fffd9064'))).toThrow('is not MP3');
  });

  test('throws nothing but ProtocolError', () => fuzz(readMp3Header, [hex('fffb9064')]));
});
