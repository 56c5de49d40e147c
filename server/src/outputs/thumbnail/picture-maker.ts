/** What the thumbnailer needs of whoever decodes: pictures of single key frames. */
import type { VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

/** Where a small picture lies in its sheet, pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What came of a key frame. All images are JPEGs. */
export interface MadePictures {
  readonly poster: Uint8Array;
  /** With all small pictures so far. */
  readonly sheet: Uint8Array;
  /** Of the newest of them. */
  readonly place: Place;
  /** Whether it is the first of its sheet. */
  readonly isFirst: boolean;
}

export interface PictureListener {
  made(pictures: MadePictures): void;
  /** Nothing came of it, and the maker is of no more use. */
  lost(why: string): void;
}

/** For key frames of one format, one after the other. */
export interface PictureMaker {
  make(keyFrame: Unit): void;
  /** The listener hears nothing more. */
  close(): void;
}

export interface PictureMakers {
  /** @param alone whether it is suspected of bringing down others that work beside it. */
  open(source: VideoTrack, listener: PictureListener, alone: boolean): PictureMaker;
}
