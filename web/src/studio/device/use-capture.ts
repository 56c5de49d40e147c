/** Camera, screen and microphone as state of a page. They are asked for when the page opens and let go when it closes. */
import { Capture, type CaptureNote, type CaptureSnapshot } from '@millrace/client/capture/capture';
import { useEffect, useRef, useState } from 'react';
import { deviceKind } from '../../parts/device.ts';

export interface LiveCapture {
  readonly capture: Capture | undefined;
  readonly snapshot: CaptureSnapshot | undefined;
}

/** A phone shows what is before it; a desktop who sits before it. */
function isHandheld(): boolean {
  const kind = deviceKind();
  return kind === 'phone' || kind === 'tablet';
}

export function useCapture(onNote: (note: CaptureNote) => void): LiveCapture {
  const [capture, setCapture] = useState<Capture>();
  const [snapshot, setSnapshot] = useState<CaptureSnapshot>();
  const note = useRef(onNote);
  note.current = onNote;
  useEffect(() => {
    const handheld = isHandheld();
    const made = new Capture({
      devices: 'mediaDevices' in navigator ? navigator.mediaDevices : undefined,
      secure: isSecureContext,
      document,
      handheld,
      facing: handheld ? 'environment' : 'user',
      onChange: setSnapshot,
      onNote: (what) => note.current(what),
    });
    setCapture(made);
    setSnapshot(made.snapshot);
    void made.start();
    return () => made.close();
  }, []);
  return { capture, snapshot };
}
