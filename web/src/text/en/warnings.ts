/** English of what hurts viewers and what to do about it; keys are the codes that the server sends. */
import type { Sentences } from '../sentences.ts';

export const warnings = {
  'warning.KEY_FRAMES_FAR_APART': 'Key frames are far apart',
  'warning.KEY_FRAMES_FAR_APART.do': 'Viewers wait long for the first picture. Set the key-frame interval of your encoder to 2 seconds.',
  'warning.B_FRAMES': 'The encoder sends B-frames',
  'warning.B_FRAMES.do': 'They add delay, and some ways of watching cannot show them. Set “B-frames” to 0 or choose the tuning “zerolatency”.',
  'warning.VIDEO_CODEC_NOT_EVERYWHERE': 'Not every browser can show this video',
  'warning.VIDEO_CODEC_NOT_EVERYWHERE.do': 'Some viewers see no picture. Choose H.264 as the video encoder.',
  'warning.AUDIO_CODEC_NOT_EVERYWHERE': 'Not every browser can play this sound',
  'warning.AUDIO_CODEC_NOT_EVERYWHERE.do': 'Some viewers hear nothing. Choose AAC as the audio encoder.',
  'warning.BITRATE_COLLAPSED': 'Much less arrives than before',
  'warning.BITRATE_COLLAPSED.do': 'Your network cannot carry what the encoder sends, so the picture stops or blurs. Lower the bitrate or use a cable.',
  'warning.TIMESTAMPS_REPAIRED': 'The encoder’s clock jumps',
  'warning.TIMESTAMPS_REPAIRED.do': 'We repair it, but picture and sound may drift. Restart the encoder; if it stays, try another one.',
  'warning.TRACK_NOT_SUPPORTED': 'A part of your stream cannot be used',
  'warning.TRACK_NOT_SUPPORTED.do': 'Its format is unknown here and is left out. Choose H.264 video and AAC sound.',
  'warning.NO_AUDIO': 'There is no sound',
  'warning.NO_AUDIO.do': 'If that is not on purpose, check the audio source in your encoder.',
} as const satisfies Sentences<'warning'>;
