/** Flashes and beeps as a page shows and plays them. The function given to evaluate() uses nothing from outside. */
import type { Page } from 'playwright-core';
import type { Onsets } from './lip-sync.ts';

/**
 * Begins to note when flashes and beeps of the page's first video come, in ms of the page's clock: by the time a frame is expected
 * on the screen, and by that at which the browser takes a sample to play it. A headless browser has no loudspeaker whose own
 * delay could be added; where there is one, the browser holds the picture back for it.
 */
export function beginToNote(page: Page): Promise<void> {
  return page.evaluate(async () => {
    const notes = { flashesMs: [] as number[], beepsMs: [] as number[] };
    Object.assign(window, { lipSync: notes });
    const video = document.querySelector('video');
    if (!video || !(video.srcObject instanceof MediaStream)) throw new Error('the page has no video of a stream');
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error('no canvas');
    let wasBright = true;
    const look: VideoFrameRequestCallback = (_, { expectedDisplayTime }) => {
      video.requestVideoFrameCallback(look);
      context.drawImage(video, 0, 0, 1, 1);
      const isBright = (context.getImageData(0, 0, 1, 1).data[1] ?? 0) > 128;
      if (isBright && !wasBright) notes.flashesMs.push(expectedDisplayTime);
      wasBright = isBright;
    };
    video.requestVideoFrameCallback(look);
    // An audio context would add a queue of its own.
    const [track] = video.srcObject.getAudioTracks();
    const { readable }: { readable: ReadableStream<AudioData> } = Reflect.construct(Reflect.get(window, 'MediaStreamTrackProcessor'), [{ track }]);
    let quietSeconds = 0;
    const listen = async () => {
      for await (const data of readable) {
        const arrivedMs = performance.now();
        const samples = new Float32Array(data.numberOfFrames);
        const { sampleRate } = data;
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        data.close();
        const first = samples.findIndex((value) => Math.abs(value) > 0.1);
        if (first >= 0 && quietSeconds > 0.2) notes.beepsMs.push(arrivedMs + (first / sampleRate) * 1000);
        quietSeconds = first >= 0 ? 0 : quietSeconds + samples.length / sampleRate;
      }
    };
    void listen();
  });
}

/** What was noted so far. */
export function notedBy(page: Page): Promise<Onsets> {
  return page.evaluate(() => Reflect.get(window, 'lipSync'));
}
