/** The media-chrome elements that the player is built of, as JSX. */
import type { DetailedHTMLProps, HTMLAttributes } from 'react';

type ElementProps = DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & {
  readonly class?: string | undefined;
  readonly autohide?: string;
  readonly nohotkeys?: boolean;
  readonly novolumepref?: boolean;
  readonly nomutedpref?: boolean;
  readonly noautoseektolive?: boolean;
  readonly defaultstreamtype?: 'live' | 'on-demand';
  readonly lang?: string;
};

declare module 'react' {
  interface CSSProperties {
    /** How far a bar is filled. */
    '--at'?: string;
    /** A place on a bar, from 0 to 1. */
    '--share'?: string;
  }

  // biome-ignore lint/style/noNamespace: React's own way to declare elements.
  namespace JSX {
    interface IntrinsicElements {
      'media-controller': ElementProps;
      'media-play-button': ElementProps;
      'media-mute-button': ElementProps;
      'media-volume-range': ElementProps;
      'media-pip-button': ElementProps;
      'media-captions-button': ElementProps;
      'media-fullscreen-button': ElementProps;
    }
  }
}
