/** Keeps the screen on while a broadcast runs: phones stop the camera when it goes dark. */
import { useEffect } from 'react';

export function useWakeLock(active: boolean): void {
  useEffect(() => {
    if (!active || !('wakeLock' in navigator)) return;
    let lock: WakeLockSentinel | undefined;
    let asking = false;
    let over = false;
    const ask = async () => {
      if (asking || over || document.visibilityState !== 'visible' || (lock && !lock.released)) return;
      asking = true;
      // Refused on an empty battery or before a tap: asked again at the next one.
      lock = await navigator.wakeLock.request('screen').catch(() => undefined);
      asking = false;
      if (over) void lock?.release();
    };
    const listening = new AbortController();
    // Systems take the lock away whenever the page is hidden.
    document.addEventListener('visibilitychange', () => void ask(), { signal: listening.signal });
    document.addEventListener('pointerdown', () => void ask(), { signal: listening.signal });
    void ask();
    return () => {
      over = true;
      listening.abort();
      void lock?.release();
    };
  }, [active]);
}
