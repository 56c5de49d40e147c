/** Pictures brought from memory to surfaces of a device, for encoders that take none other. */
import { type Frame, HardwareDeviceContext, HardwareFramesContext } from 'node-av/lib';
import type { EncoderKind, SurfaceKind } from './encoder-kinds.ts';

export interface SurfaceSize {
  readonly width: number;
  readonly height: number;
}

/** The devices of this process, each opened once and kept. */
export class Devices {
  readonly #open = new Map<string, HardwareDeviceContext>();

  /** @param path its file; null for the one that FFmpeg finds. Throws when it does not open. */
  open({ deviceType }: SurfaceKind, path: string | null): HardwareDeviceContext {
    const key = `${deviceType} ${path}`;
    const known = this.#open.get(key);
    if (known) return known;
    const device = new HardwareDeviceContext();
    const result = device.create(deviceType, path);
    if (result < 0) throw new Error(`the device ${path ?? HardwareDeviceContext.getTypeName(deviceType)} does not open (${result})`);
    this.#open.set(key, device);
    return device;
  }
}

/** Surfaces of one size; as many as are in use. */
export class Surfaces {
  readonly context = new HardwareFramesContext();

  /** Throws when the device has none of this kind or size. */
  constructor(device: HardwareDeviceContext, kind: SurfaceKind, memory: EncoderKind['pixelFormat'], { width, height }: SurfaceSize) {
    const { context } = this;
    context.alloc(device);
    context.format = kind.pixelFormat;
    context.swFormat = memory;
    context.width = width;
    context.height = height;
    const result = context.init();
    if (result >= 0) return;
    context.free();
    throw new Error(`the device has no surfaces of ${width}×${height} (${result})`);
  }

  /** @param surface an empty frame: gets the picture, its time and its type. */
  upload(picture: Frame, surface: Frame): void {
    const result = this.context.getBuffer(surface);
    if (result < 0) throw new Error(`the device gives no surface (${result})`);
    const copied = this.context.transferDataSync(surface, picture);
    if (copied < 0) throw new Error(`the device takes no picture (${copied})`);
    surface.pts = picture.pts;
    surface.pictType = picture.pictType;
  }

  close(): void {
    this.context.free();
  }
}
