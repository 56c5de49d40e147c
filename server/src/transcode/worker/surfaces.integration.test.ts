/** Pictures on the surfaces of a device, and back: on Vulkan in software, since the device that encodes is on few machines. */
import { AV_HWDEVICE_TYPE_VULKAN, AV_LOG_QUIET, AV_PICTURE_TYPE_I, AV_PIX_FMT_NV12, AV_PIX_FMT_VULKAN } from 'node-av/constants';
import { Frame, Log } from 'node-av/lib';
import { beforeAll, expect, test } from 'vitest';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { Devices, Surfaces } from './surfaces.ts';

const VULKAN = { deviceType: AV_HWDEVICE_TYPE_VULKAN, pixelFormat: AV_PIX_FMT_VULKAN };
/** No multiple of anything, as tiers of odd sources. */
const SIZE = { width: 322, height: 182 };

beforeAll(async () => {
  Log.setLevel(AV_LOG_QUIET);
  await ensureTool('lavapipe');
}, 900_000);

test('each picture is on its surface as it was in memory, with its time and its type, also while others are in use', () => {
  const devices = new Devices();
  const device = devices.open(VULKAN, null);
  expect(devices.open(VULKAN, null)).toBe(device);
  const surfaces = new Surfaces(device, VULKAN, AV_PIX_FMT_NV12, SIZE);
  using frames = new DisposableStack();
  const used = [1, 2, 3].map((value) => {
    const surface = newFrame(frames);
    surfaces.upload(picture(frames, value), surface);
    return surface;
  });
  for (const [i, surface] of used.entries()) {
    expect(surface).toMatchObject({ ...SIZE, format: AV_PIX_FMT_VULKAN, pts: BigInt(i + 1), pictType: AV_PICTURE_TYPE_I });
    const back = newFrame(frames);
    expect(surface.hwframeTransferDataSync(back)).toBe(0);
    expect(back).toMatchObject({ ...SIZE, format: AV_PIX_FMT_NV12 });
    expect(planesOf(back)).toEqual(planesOf(picture(frames, i + 1)));
  }
  surfaces.close();
});

test('a device that has no surfaces of a size says so', () => {
  const device = new Devices().open(VULKAN, null);
  expect(() => new Surfaces(device, VULKAN, AV_PIX_FMT_NV12, { width: 0, height: 0 })).toThrow('the device has no surfaces of 0×0');
});

function newFrame(frames: DisposableStack): Frame {
  const frame = new Frame();
  frame.alloc();
  frames.defer(() => frame.free());
  return frame;
}

/** Of rows that differ. */
function picture(frames: DisposableStack, value: number): Frame {
  const frame = newFrame(frames);
  frame.width = SIZE.width;
  frame.height = SIZE.height;
  frame.format = AV_PIX_FMT_NV12;
  if (frame.getBuffer(0) < 0) throw new Error('there is no memory');
  for (const [i, plane] of (frame.data ?? []).entries()) {
    const stride = frame.linesize[i] ?? 0;
    for (let y = 0; plane && stride > 0 && y * stride < plane.length; y++) plane.fill((value * 50 + y + i) & 0xff, y * stride, (y + 1) * stride);
  }
  frame.pts = BigInt(value);
  frame.pictType = AV_PICTURE_TYPE_I;
  return frame;
}

/** What is seen of it: rows of both planes without padding. */
function planesOf(frame: Frame): Uint8Array[][] {
  return [0, 1].map((i) => {
    const plane = frame.data?.[i] ?? new Uint8Array();
    const stride = frame.linesize[i] ?? 0;
    return Array.from({ length: SIZE.height / (i + 1) }, (_, y) => new Uint8Array(plane.subarray(y * stride, y * stride + SIZE.width)));
  });
}
