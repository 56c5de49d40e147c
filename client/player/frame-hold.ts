/** Keeps the last frame on the screen while an element's source changes: it becomes the element's poster until the next frame. */

/** A held frame is looked at for a moment: small enough to be made without a hitch. */
const MAX_WIDTH = 960;
const QUALITY = 0.8;

export class FrameHold {
  readonly #video: HTMLVideoElement;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.addEventListener('playing', this.#release);
  }

  hold(): void {
    const { videoWidth, videoHeight, readyState } = this.#video;
    if (readyState < HTMLMediaElement.HAVE_CURRENT_DATA || videoWidth === 0) return;
    const canvas = document.createElement('canvas');
    canvas.width = Math.min(videoWidth, MAX_WIDTH);
    canvas.height = Math.round((videoHeight * canvas.width) / videoWidth);
    try {
      canvas.getContext('2d')?.drawImage(this.#video, 0, 0, canvas.width, canvas.height);
      this.#video.poster = canvas.toDataURL('image/jpeg', QUALITY);
    } catch {
      // Pictures of another origin may not be read; then the change is seen for a moment.
    }
  }

  close(): void {
    this.#video.removeEventListener('playing', this.#release);
    this.#release();
  }

  readonly #release = (): void => {
    this.#video.removeAttribute('poster');
  };
}
