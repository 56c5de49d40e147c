/** What stands above the bar where somebody looks: the moment in words, and its picture where there is one. */
import type { StoryboardPicture } from '@millrace/client/player/storyboard';
import { useState } from 'react';
import classes from './preview.module.css';

/** The most room that a picture takes, CSS pixels. */
const MAX_SIDE = 160;

/** And of the player's height, so that it does not cover what plays on a phone. */
const MAX_SHARE = 0.42;

export interface PreviewProps {
  /** From 0 at the bar's beginning to 1 at its end. */
  readonly share: number;
  readonly words: string;
  readonly picture: StoryboardPicture | undefined;
  readonly playerHeight: number;
}

/** The slider says the moment to screen readers. */
export function Preview({ share, words, picture, playerHeight }: PreviewProps) {
  return (
    <div className={classes.preview} style={{ '--share': String(share) }} aria-hidden="true" data-preview>
      {picture && <Picture picture={picture} maxHeight={Math.min(MAX_SIDE, playerHeight * MAX_SHARE)} />}
      <span className={`${classes.words} figures`}>{words}</span>
    </div>
  );
}

/** A part of a sheet. Not there until a sheet is, nor when it cannot be loaded; between two sheets it is black. */
function Picture({ picture: { url, x, y, width, height }, maxHeight }: { readonly picture: StoryboardPicture; readonly maxHeight: number }) {
  const [loaded, setLoaded] = useState<string>();
  const scale = Math.min(1, MAX_SIDE / width, maxHeight / height);
  return (
    <span
      className={classes.frame}
      style={loaded === undefined ? undefined : { width: Math.round(width * scale), height: Math.round(height * scale) }}
      data-picture={loaded === url ? `${x},${y}` : undefined}
    >
      <img
        key={url}
        src={url}
        alt=""
        className={classes.sheet}
        style={{ transform: `scale(${scale}) translate(${-x}px, ${-y}px)` }}
        onLoad={() => setLoaded(url)}
        onError={() => setLoaded(undefined)}
      />
    </span>
  );
}
