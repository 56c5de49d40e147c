/** The encoders of H.264 as FFmpeg has them, and how each is set so that pictures come out one by one, with key frames where they are asked for. */
import {
  AV_HWDEVICE_TYPE_VAAPI,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_VAAPI,
  AV_PIX_FMT_YUV420P,
  type AVHWDeviceType,
  type AVPixelFormat,
  FF_ENCODER_H264_NVENC,
  FF_ENCODER_H264_QSV,
  FF_ENCODER_H264_VAAPI,
  FF_ENCODER_H264_VIDEOTOOLBOX,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import type { EncoderSetting } from '../job.ts';

export interface EncoderKind {
  readonly codec: typeof FF_ENCODER_LIBX264 | typeof FF_ENCODER_H264_NVENC | typeof FF_ENCODER_H264_QSV | typeof FF_ENCODER_H264_VAAPI | typeof FF_ENCODER_H264_VIDEOTOOLBOX;
  /** Of pictures in memory. */
  readonly pixelFormat: typeof AV_PIX_FMT_YUV420P | typeof AV_PIX_FMT_NV12;
  /** Of the filters that bring pictures into this form. */
  readonly pixelFormatName: 'yuv420p' | 'nv12';
  /** Of an encoder that does not take pictures from memory. */
  readonly surfaces?: SurfaceKind;
  readonly options: Readonly<Record<string, string>>;
}

/** Pictures on a device. */
export interface SurfaceKind {
  readonly deviceType: AVHWDeviceType;
  readonly pixelFormat: AVPixelFormat;
}

/** Each picture out as soon as it is in, with the preset of its tier. Counting rates by timestamps would hold one back: see `H264Encoder.adaptRate`. */
export const SOFTWARE: EncoderKind = {
  codec: FF_ENCODER_LIBX264,
  pixelFormat: AV_PIX_FMT_YUV420P,
  pixelFormatName: 'yuv420p',
  options: { tune: 'zerolatency', profile: 'main', crf: '23', 'forced-idr': '1', sc_threshold: '0' },
};

export const ENCODER_KINDS: Readonly<Record<EncoderSetting['name'], EncoderKind>> = {
  x264: SOFTWARE,
  nvenc: {
    codec: FF_ENCODER_H264_NVENC,
    pixelFormat: AV_PIX_FMT_YUV420P,
    pixelFormatName: 'yuv420p',
    options: { preset: 'p4', tune: 'ull', profile: 'main', rc: 'vbr', cq: '25', 'forced-idr': '1', 'no-scenecut': '1', delay: '0', zerolatency: '1' },
  },
  qsv: { codec: FF_ENCODER_H264_QSV, pixelFormat: AV_PIX_FMT_NV12, pixelFormatName: 'nv12', options: { preset: 'veryfast', profile: 'main', forced_idr: '1', async_depth: '1' } },
  // Left to itself it takes a rate control that knows no ceiling, and holds a picture back. Forced I pictures are IDR.
  vaapi: {
    codec: FF_ENCODER_H264_VAAPI,
    pixelFormat: AV_PIX_FMT_NV12,
    pixelFormatName: 'nv12',
    surfaces: { deviceType: AV_HWDEVICE_TYPE_VAAPI, pixelFormat: AV_PIX_FMT_VAAPI },
    options: { profile: 'main', rc_mode: 'VBR', async_depth: '1' },
  },
  videotoolbox: {
    codec: FF_ENCODER_H264_VIDEOTOOLBOX,
    pixelFormat: AV_PIX_FMT_YUV420P,
    pixelFormatName: 'yuv420p',
    options: { profile: 'main', realtime: '1', require_sw: '0', allow_sw: '0' },
  },
};
