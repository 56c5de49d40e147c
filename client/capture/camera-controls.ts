/** Torch and zoom of a camera track, on the devices and browsers that have them. */

export interface ZoomRange {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
}

export interface CameraControls {
  readonly torch: boolean;
  readonly zoom: ZoomRange | undefined;
}

/** What the image-capture specification adds to constraints. */
interface CameraConstraintSet extends MediaTrackConstraintSet {
  torch?: boolean;
  zoom?: number;
}

export function cameraControlsOf(track: MediaStreamTrack | undefined): CameraControls {
  if (!track || !('getCapabilities' in track)) return { torch: false, zoom: undefined };
  const capabilities: object = track.getCapabilities();
  const settings: object = track.getSettings();
  return { torch: 'torch' in capabilities && capabilities.torch === true, zoom: zoomOf(capabilities, settings) };
}

export function setTorch(track: MediaStreamTrack, on: boolean): Promise<void> {
  return apply(track, { torch: on });
}

export function setZoom(track: MediaStreamTrack, zoom: number): Promise<void> {
  return apply(track, { zoom });
}

function apply(track: MediaStreamTrack, set: CameraConstraintSet): Promise<void> {
  return track.applyConstraints({ advanced: [set] });
}

function zoomOf(capabilities: object, settings: object): ZoomRange | undefined {
  const range: unknown = 'zoom' in capabilities ? capabilities.zoom : undefined;
  if (typeof range !== 'object' || range === null || !('min' in range) || !('max' in range)) return undefined;
  const { min, max } = range;
  if (typeof min !== 'number' || typeof max !== 'number' || max <= min) return undefined;
  const step = 'step' in range && typeof range.step === 'number' && range.step > 0 ? range.step : (max - min) / 100;
  return { min, max, step, value: 'zoom' in settings && typeof settings.zoom === 'number' ? settings.zoom : min };
}
