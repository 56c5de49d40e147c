/** The preview pictures of what plays, fetched when somebody first looks for one. */
import { parseStoryboard, type Storyboard } from '@millrace/client/player/storyboard';
import { useCallback, useEffect, useRef, useState } from 'react';

/** A live one has another picture by then; one that was not there may be. */
const STALE_MS = 10_000;

export interface StoryboardOptions {
  readonly url: string;
  readonly isLive: boolean;
}

/** `look` is called whenever a picture is wanted: it costs nothing while what is there is new enough. */
export function useStoryboard({ url, isLive }: StoryboardOptions): { readonly storyboard: Storyboard | undefined; readonly look: () => void } {
  const [storyboard, setStoryboard] = useState<Storyboard>();
  // Addresses of private streams carry a new token at each asking: any of them will do.
  const address = useRef(url);
  address.current = url;
  const asked = useRef<{ readonly abort: AbortController; againAt: number }>(undefined);
  useEffect(() => () => asked.current?.abort.abort(), []);
  const look = useCallback(() => {
    if (asked.current && performance.now() < asked.current.againAt) return;
    const asking = { abort: new AbortController(), againAt: Number.POSITIVE_INFINITY };
    asked.current = asking;
    void fetchStoryboard(address.current, asking.abort.signal).then((loaded) => {
      if (asking.abort.signal.aborted) return;
      if (loaded) setStoryboard(loaded);
      if (isLive || !loaded) asking.againAt = performance.now() + STALE_MS;
    });
  }, [isLive]);
  return { storyboard, look };
}

/** Undefined where there is none, or not now: the bar goes without. */
async function fetchStoryboard(url: string, signal: AbortSignal): Promise<Storyboard | undefined> {
  try {
    const response = await fetch(url, { signal });
    return response.ok ? parseStoryboard(await response.text(), response.url) : undefined;
  } catch {
    return undefined;
  }
}
