/** Flashes and beeps as a page shows and plays them. The function given to evaluate() uses nothing from outside. */
import type { Page } from 'playwright-core';
import type { Onsets } from './lip-sync.ts';

/**
 * Begins to note when flashes appear on the page's first video and when its beeps leave the loudspeaker, in ms of the page's
 * clock: by the time a frame is expected on the screen, and by that of a sample of the same stream in an audio worklet plus the
 * way from there to the device.
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
    const audio = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
    await audio.resume();
    // A beep is a whole number of milliseconds long and silence longer: the first loud sample after silence is its begin.
    const code = `registerProcessor('beeps', class extends AudioWorkletProcessor {
      #quiet = 0;
      process([[samples]]) {
        samples?.forEach((value, i) => {
          if (Math.abs(value) < 0.1) return void this.#quiet++;
          if (this.#quiet > 4800) this.port.postMessage((currentFrame + i) / sampleRate);
          this.#quiet = 0;
        });
        return true;
      }
    });`;
    const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    await audio.audioWorklet.addModule(address);
    const beeps = new AudioWorkletNode(audio, 'beeps');
    beeps.port.onmessage = ({ data }) => {
      const { contextTime = 0, performanceTime = 0 } = audio.getOutputTimestamp();
      notes.beepsMs.push(performanceTime + (data - contextTime) * 1000);
    };
    audio.createMediaStreamSource(new MediaStream(video.srcObject.getAudioTracks())).connect(beeps);
  });
}

/** What was noted so far. */
export function notedBy(page: Page): Promise<Onsets> {
  return page.evaluate(() => Reflect.get(window, 'lipSync'));
}
