/**
 * Key frames to a poster and a sheet of small pictures. A decoder lives for one picture, so that nothing is held back; the sheet and the
 * scalers stay.
 */
import { Frame } from 'node-av/lib';
import { type PictureJob, POSTER_OUTPUT, SHEET_OUTPUT } from '../job.ts';
import type { WireUnit } from '../wire.ts';
import { Decoder } from './decoder.ts';
import { encodeJpeg, fitted, JpegScaler, shapeOf } from './jpeg.ts';
import { SheetStrip } from './sheet-strip.ts';
import type { Transcoder, TranscoderOutput } from './transcoder.ts';

/** What a card on a phone shows at twice its points; a picture that stands on end may be as wide. */
const POSTER_BOX = { width: 640, height: 1280 } as const;

/** Twice as high as wide is the narrowest that phones film. */
const TILE_BOX = { width: 160, height: 320 } as const;

export class PictureTranscoder implements Transcoder {
  readonly #job: PictureJob;
  readonly #output: TranscoderOutput;
  readonly #toPoster = new JpegScaler();
  readonly #toTile = new JpegScaler();
  #sheet: SheetStrip | undefined;

  constructor(job: PictureJob, output: TranscoderOutput) {
    this.#job = job;
    this.#output = output;
  }

  /** @param unit a key frame. */
  unit(unit: WireUnit): void {
    const decoder = new Decoder(this.#job.source, { deblocks: !this.#isHalved });
    let isTaken = false;
    const take = (frame: Frame): void => {
      if (isTaken || frame.width < 2 || frame.height < 2) return;
      isTaken = true;
      this.#take(frame, unit);
    };
    try {
      decoder.decode(unit, take);
      decoder.drain(take);
    } finally {
      decoder.close();
    }
    if (!isTaken) throw new Error(`a key frame of ${unit.data.length} bytes gave no picture`);
  }

  /** Each of its pixels will come of four and more: what stands at the edges of blocks is gone then, and what smooths them takes a seventh of decoding. */
  get #isHalved(): boolean {
    const { width, height } = this.#job.source;
    const poster = fitted({ width, height }, POSTER_BOX);
    return poster.width * 2 <= width && poster.height * 2 <= height;
  }

  /** Key frames are all there is. */
  requestKeyFrame(): void {}

  close(): void {
    this.#sheet = undefined;
    this.#toPoster.close();
    this.#toTile.close();
  }

  #take(frame: Frame, { dts, pts }: WireUnit): void {
    const shape = shapeOf(frame);
    const poster = new Frame();
    const tile = new Frame();
    poster.alloc();
    tile.alloc();
    try {
      this.#toPoster.scale(frame, fitted(shape, POSTER_BOX), poster);
      this.#toTile.scale(poster, fitted(shape, TILE_BOX), tile);
      this.#output.unit({ dts, pts, key: true, data: encodeJpeg(poster, 'own') }, POSTER_OUTPUT);
      this.#output.unit({ dts, pts, key: true, data: this.#sheetWith(tile) }, SHEET_OUTPUT);
    } finally {
      poster.free();
      tile.free();
    }
  }

  #sheetWith(tile: Frame): Uint8Array {
    const { width, height } = tile;
    let sheet = this.#sheet;
    if (!sheet?.hasRoomFor({ width, height })) {
      sheet = new SheetStrip({ width, height });
      this.#sheet = sheet;
      this.#output.format({ width, height, config: new Uint8Array() }, SHEET_OUTPUT);
    }
    sheet.put(encodeJpeg(tile, 'common'));
    return sheet.toJpeg();
  }
}
