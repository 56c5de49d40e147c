/** A recording as a file: has its MP4 made ready, says how far that is, and hands it to the browser. */
import type { RecordingTask } from '@millrace/contract/entities/recording';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useServices } from './services.tsx';

/** Most are ready before anybody needs to be told that they are not. */
const QUIET_MS = 300;

export type DownloadState =
  | { readonly state: 'idle' | 'failed' }
  /** Null while it cannot be told how far it is. */
  | { readonly state: 'preparing'; readonly task: RecordingTask | null };

export interface Downloadable {
  readonly id: string;
  readonly playback: { readonly download: string };
}

export function useDownload({ id, playback }: Downloadable): { readonly download: DownloadState; readonly start: () => void } {
  const { client } = useServices();
  const [download, setDownload] = useState<DownloadState>({ state: 'idle' });
  const asking = useRef<AbortController>(undefined);
  const address = playback.download;
  useEffect(() => () => asking.current?.abort(), []);
  const prepare = useCallback(async () => {
    if (asking.current) return;
    const abort = new AbortController();
    asking.current = abort;
    const told = setTimeout(() => setDownload({ state: 'preparing', task: null }), QUIET_MS);
    try {
      for (;;) {
        // Answers after a second at the latest.
        const { isReady, task } = await client.calls.prepareDownload({ params: { id }, signal: abort.signal });
        clearTimeout(told);
        if (isReady) break;
        setDownload({ state: 'preparing', task });
      }
      setDownload({ state: 'idle' });
      save(address);
    } catch {
      if (!abort.signal.aborted) setDownload({ state: 'failed' });
    } finally {
      clearTimeout(told);
      asking.current = undefined;
    }
  }, [client, id, address]);
  return { download, start: () => void prepare() };
}

/** The page stays, whatever is answered; the server names the file. */
function save(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
