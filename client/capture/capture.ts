/**
 * Camera, screen and microphone of this device as one stream that is replaced when something changes. Comes back by itself
 * after calls and locked screens, after which tracks of phones claim to live and stay dead.
 */
import { type CameraControls, cameraControlsOf, setTorch, setZoom } from './camera-controls.ts';
import { type CaptureProblem, captureProblemOf } from './capture-problem.ts';

export type CaptureSource = 'camera' | 'screen';
export type Facing = 'user' | 'environment';

/** interrupted: the device took camera or microphone away, and they are back · screen-ended: the person stopped sharing the screen. */
export type CaptureNote = 'interrupted' | 'screen-ended';

export interface CaptureSnapshot {
  /** A new object whenever a track is another one. */
  readonly stream: MediaStream | undefined;
  readonly source: CaptureSource;
  readonly facing: Facing;
  readonly problem: CaptureProblem | undefined;
  readonly busy: boolean;
  readonly muted: boolean;
  readonly pictureOff: boolean;
  readonly torch: boolean;
  readonly controls: CameraControls;
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
  readonly cameraId: string | undefined;
  readonly microphoneId: string | undefined;
}

export interface CaptureDeps {
  /** Missing on insecure pages. */
  readonly devices: MediaDevices | undefined;
  readonly secure: boolean;
  readonly document: Pick<Document, 'visibilityState' | 'addEventListener'>;
  /** On phones and tablets a hidden page loses the camera, whatever its track says. */
  readonly handheld: boolean;
  readonly facing: Facing;
  onChange(snapshot: CaptureSnapshot): void;
  onNote(note: CaptureNote): void;
}

const NO_CONTROLS: CameraControls = { torch: false, zoom: undefined };

export class Capture {
  readonly #deps: CaptureDeps;
  readonly #abort = new AbortController();
  #snapshot: CaptureSnapshot;
  #height = 720;
  #interrupted = false;
  #turn = 0;

  constructor(deps: CaptureDeps) {
    this.#deps = deps;
    this.#snapshot = {
      stream: undefined,
      source: 'camera',
      facing: deps.facing,
      problem: undefined,
      busy: false,
      muted: false,
      pictureOff: false,
      torch: false,
      controls: NO_CONTROLS,
      cameras: [],
      microphones: [],
      cameraId: undefined,
      microphoneId: undefined,
    };
    deps.document.addEventListener('visibilitychange', () => this.#visibility(), { signal: this.#abort.signal });
    deps.devices?.addEventListener('devicechange', () => void this.#listDevices(), { signal: this.#abort.signal });
  }

  get snapshot(): CaptureSnapshot {
    return this.#snapshot;
  }

  /** Asks for camera and microphone. */
  start(): Promise<void> {
    return this.#open('camera', {});
  }

  /** The other camera of a phone. */
  flip(): Promise<void> {
    return this.#open('camera', { facing: this.#snapshot.facing === 'user' ? 'environment' : 'user', cameraId: undefined });
  }

  chooseCamera(cameraId: string): Promise<void> {
    return this.#open('camera', { cameraId });
  }

  chooseMicrophone(microphoneId: string): Promise<void> {
    return this.#open(this.#snapshot.source, { microphoneId });
  }

  /** A screen or window, with its sound where the system gives it. */
  shareScreen(): Promise<void> {
    return this.#open('screen', {});
  }

  /** The shorter side of the picture, in pixels. */
  async capture(height: number): Promise<void> {
    this.#height = height;
    const [video] = this.#snapshot.stream?.getVideoTracks() ?? [];
    if (this.#snapshot.source === 'camera') await video?.applyConstraints(this.#videoSize()).catch(() => undefined);
  }

  mute(muted: boolean): void {
    for (const track of this.#snapshot.stream?.getAudioTracks() ?? []) track.enabled = !muted;
    this.#tell({ muted });
  }

  /** Black instead of the picture; the camera stays ours. */
  turnPictureOff(pictureOff: boolean): void {
    for (const track of this.#snapshot.stream?.getVideoTracks() ?? []) track.enabled = !pictureOff;
    this.#tell({ pictureOff });
  }

  async torch(on: boolean): Promise<void> {
    const [video] = this.#snapshot.stream?.getVideoTracks() ?? [];
    if (video && (await setTorch(video, on).then(yes, no))) this.#tell({ torch: on });
  }

  async zoom(value: number): Promise<void> {
    const [video] = this.#snapshot.stream?.getVideoTracks() ?? [];
    if (video && (await setZoom(video, value).then(yes, no))) this.#tell({ controls: cameraControlsOf(video) });
  }

  close(): void {
    this.#turn++;
    this.#abort.abort();
    stop(this.#snapshot.stream);
  }

  async #open(source: CaptureSource, change: Partial<Pick<CaptureSnapshot, 'facing' | 'cameraId' | 'microphoneId'>>): Promise<void> {
    const { devices, secure } = this.#deps;
    if (!devices) {
      this.#tell({ problem: secure ? 'unsupported' : 'insecure' });
      return;
    }
    const turn = ++this.#turn;
    const before = this.#snapshot;
    this.#tell({ busy: true });
    try {
      const wanted = { ...before, ...change };
      const stream = source === 'screen' ? await this.#openScreen(devices, wanted) : await this.#openCamera(devices, wanted);
      if (turn !== this.#turn) {
        stop(stream);
        return;
      }
      for (const old of before.stream?.getTracks() ?? []) if (!stream.getTracks().includes(old)) old.stop();
      this.#interrupted = false;
      this.#take(stream, source, change);
      void this.#listDevices();
    } catch (error) {
      if (turn !== this.#turn) return;
      // Who closes the list of screens changed their mind; nothing is wrong.
      const problem = source === 'screen' ? undefined : captureProblemOf(error);
      this.#tell({ busy: false, problem });
    }
  }

  async #openCamera(devices: MediaDevices, { facing, cameraId, microphoneId, stream, source }: CaptureSnapshot): Promise<MediaStream> {
    // Phones give one camera at a time: the old one goes before the new one comes.
    if (source === 'camera') for (const track of stream?.getVideoTracks() ?? []) track.stop();
    const camera = cameraId ? { deviceId: { exact: cameraId } } : { facingMode: facing };
    const microphone = microphoneId ? { deviceId: { exact: microphoneId } } : true;
    const video = { ...camera, ...this.#videoSize() };
    try {
      return await devices.getUserMedia({ video, audio: microphone });
    } catch (error) {
      // A camera without a microphone is worth showing; without a camera this fails again and says so.
      if (captureProblemOf(error) === 'none') return devices.getUserMedia({ video });
      throw error;
    }
  }

  async #openScreen(devices: MediaDevices, { microphoneId, stream, source }: CaptureSnapshot): Promise<MediaStream> {
    if (!('getDisplayMedia' in devices)) throw new DOMException('no screen capture here', 'NotSupportedError');
    const [shared] = source === 'screen' ? (stream?.getVideoTracks() ?? []) : [];
    const screen = shared ? new MediaStream([shared]) : await devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: true });
    if (screen.getAudioTracks().length > 0) return screen;
    // A screen without sound is explained by its owner's voice.
    const [kept] = microphoneId ? [] : (stream?.getAudioTracks() ?? []);
    const voice = kept
      ? [kept]
      : await devices.getUserMedia({ audio: microphoneId ? { deviceId: { exact: microphoneId } } : true }).then(
          (own) => own.getAudioTracks(),
          () => [],
        );
    return new MediaStream([...screen.getVideoTracks(), ...voice]);
  }

  #videoSize(): MediaTrackConstraints {
    return { height: { ideal: this.#height }, width: { ideal: Math.round((this.#height * 16) / 9) }, frameRate: { ideal: 30 } };
  }

  #take(stream: MediaStream, source: CaptureSource, change: Partial<CaptureSnapshot>): void {
    const { muted, pictureOff, facing } = this.#snapshot;
    for (const track of stream.getAudioTracks()) track.enabled = !muted;
    for (const track of stream.getVideoTracks()) track.enabled = !pictureOff;
    for (const track of stream.getTracks()) this.#listen(track, source);
    const [video] = stream.getVideoTracks();
    const facingMode = video?.getSettings().facingMode;
    this.#tell({
      ...change,
      stream,
      source,
      facing: facingMode === 'user' || facingMode === 'environment' ? facingMode : (change.facing ?? facing),
      cameraId: source === 'camera' ? video?.getSettings().deviceId : this.#snapshot.cameraId,
      microphoneId: stream.getAudioTracks()[0]?.getSettings().deviceId,
      controls: source === 'camera' ? cameraControlsOf(video) : NO_CONTROLS,
      torch: false,
      busy: false,
      problem: undefined,
    });
  }

  #listen(track: MediaStreamTrack, source: CaptureSource): void {
    const { signal } = this.#abort;
    const ours = () => this.#snapshot.stream?.getTracks().includes(track) === true;
    track.addEventListener(
      'mute',
      () => {
        if (ours() && source === 'camera') this.#interrupted = true;
      },
      { signal },
    );
    track.addEventListener(
      'unmute',
      () => {
        if (ours()) void this.#comeBack();
      },
      { signal },
    );
    track.addEventListener(
      'ended',
      () => {
        if (!ours()) return;
        if (source === 'screen' && track.kind === 'video') {
          this.#deps.onNote('screen-ended');
          void this.#open('camera', {});
        } else {
          this.#interrupted = true;
          void this.#comeBack();
        }
      },
      { signal },
    );
  }

  #visibility(): void {
    if (this.#deps.document.visibilityState === 'visible') void this.#comeBack();
    else if (this.#deps.handheld && this.#snapshot.source === 'camera' && this.#snapshot.stream) this.#interrupted = true;
  }

  async #comeBack(): Promise<void> {
    if (!this.#interrupted || this.#snapshot.busy || this.#deps.document.visibilityState !== 'visible') return;
    this.#interrupted = false;
    await this.#open(this.#snapshot.source, {});
    if (this.#snapshot.problem === undefined) this.#deps.onNote('interrupted');
  }

  async #listDevices(): Promise<void> {
    const all = (await this.#deps.devices?.enumerateDevices().catch(() => [])) ?? [];
    this.#tell({
      cameras: all.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== ''),
      microphones: all.filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== ''),
    });
  }

  #tell(change: Partial<CaptureSnapshot>): void {
    if (this.#abort.signal.aborted) return;
    this.#snapshot = { ...this.#snapshot, ...change };
    this.#deps.onChange(this.#snapshot);
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function yes(): boolean {
  return true;
}

function no(): boolean {
  return false;
}
