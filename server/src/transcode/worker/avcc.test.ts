import { annexBUnits } from '@millrace/media/codecs/nal';
import { expect, it } from 'vitest';
import { avcCOf, sampleOf } from './avcc.ts';

const START = [0, 0, 0, 1];
const SPS = [...Buffer.from('67640028acd940780227e5c044000003000400000300f03c60c658', 'hex')];
const PPS = [...Buffer.from('68ebe3cb22c0', 'hex')];
const SEI = [0x06, 5, 1, 9, 0x80];
const IDR = [0x65, 0x88, 1, 2, 3];

const KEY_FRAME = Uint8Array.from([SPS, PPS, SEI, IDR].flatMap((unit) => [...START, ...unit]));

it('takes parameter sets that hardware repeats before a key frame out of the sample', () => {
  expect(annexBUnits(KEY_FRAME)).toHaveLength(4);
  expect(sampleOf(KEY_FRAME)).toEqual(Uint8Array.from([0, 0, 0, SEI.length, ...SEI, 0, 0, 0, IDR.length, ...IDR]));
});

it('reads the configuration from a key frame as from a header of parameter sets alone', () => {
  const header = Uint8Array.from([SPS, PPS].flatMap((unit) => [...START, ...unit]));
  expect(avcCOf(KEY_FRAME)).toEqual(avcCOf(header));
  expect(avcCOf(header).subarray(1, 4)).toEqual(Uint8Array.from(SPS.slice(1, 4)));
});

it('is no sample without a picture', () => {
  expect(sampleOf(Uint8Array.from([...START, ...SPS, ...START, ...PPS]))).toBeUndefined();
});
