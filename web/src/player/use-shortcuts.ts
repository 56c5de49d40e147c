/** The keys of other players: space and k, arrows, j and l, m, f, c, t. */
import { type RefObject, useEffect } from 'react';
import type { LivePlayer } from './use-player.ts';

const VOLUME_STEP = 0.05;
const ARROW_SECONDS = 5;
const LETTER_SECONDS = 10;

export interface ShortcutsOptions {
  readonly live: LivePlayer;
  readonly controller: RefObject<HTMLElement | null>;
  readonly theatre: (() => void) | undefined;
  readonly active: boolean;
}

export function useShortcuts({ live, controller, theatre, active }: ShortcutsOptions): void {
  const { player, video } = live;
  useEffect(() => {
    if (!active || !player || !video) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const act = actions({ live, controller, theatre }).get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [active, live, player, video, controller, theatre]);
}

function actions({ live: { player, video }, controller, theatre }: Omit<ShortcutsOptions, 'active'>): ReadonlyMap<string, () => void> {
  if (!player || !video) return new Map();
  const toggle = () => (video.paused ? void player.play() : player.pause());
  const request = (type: string) => controller.current?.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
  const louder = (step: number) => {
    video.volume = Math.min(1, Math.max(0, video.volume + step));
    if (step > 0 && video.muted) player.unmute();
  };
  return new Map<string, () => void>([
    [' ', toggle],
    ['k', toggle],
    ['m', () => (video.muted ? player.unmute() : mute(video))],
    ['f', () => request(document.fullscreenElement ? 'mediaexitfullscreenrequest' : 'mediaenterfullscreenrequest')],
    ['c', () => request('mediatogglesubtitlesrequest')],
    ['t', () => theatre?.()],
    ['ArrowUp', () => louder(VOLUME_STEP)],
    ['ArrowDown', () => louder(-VOLUME_STEP)],
    ['ArrowLeft', () => player.seekBy(-ARROW_SECONDS)],
    ['ArrowRight', () => player.seekBy(ARROW_SECONDS)],
    ['j', () => player.seekBy(-LETTER_SECONDS)],
    ['l', () => player.seekBy(LETTER_SECONDS)],
  ]);
}

function mute(video: HTMLVideoElement): void {
  video.muted = true;
}

/** Keys that the focused control needs for itself. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches('textarea, select, [contenteditable], input:not([type=range]), [role=slider], input[type=range]'))
    return event.key.length === 1 || event.key.startsWith('Arrow');
  return event.key === ' ' && target.closest('button, a, summary, label, [role=button], media-play-button, media-mute-button, media-fullscreen-button, media-pip-button') !== null;
}
