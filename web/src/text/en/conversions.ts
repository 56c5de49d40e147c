/** English of what the server converts for viewers: other formats, smaller pictures. */
import type { Sentences } from '../sentences.ts';

export const conversions = {
  'bridge.list': 'What the server converts',
  'bridge.audio.opus': 'Viewers in real time need another sound format than yours, so the server converts it. It costs about 1 % of a processor core. Nothing to do.',
  'bridge.audio.aac': 'Many players need another sound format than yours, so the server converts it. It costs about 1 % of a processor core. Nothing to do.',
  'bridge.video': 'Some viewers need another picture format than yours, so the server converts it while they watch. It costs most of a processor core. Choose H.264 to avoid that.',
  'bridge.video.bFrames':
    'Your encoder sends B-frames, which real time cannot show, so the server converts the picture. It costs most of a processor core. Set “B-frames” to 0 or choose the tuning “zerolatency” to avoid that.',
  'bridge.audio.failed': 'The server cannot convert your sound, so some viewers hear nothing. Choose AAC as the audio encoder, or start the encoder again.',
  'bridge.video.failed': 'The server cannot convert your picture, so some viewers see nothing. Choose H.264 without B-frames, or start the encoder again.',

  'sizes.title': 'Smaller pictures',
  'sizes.lead': 'Viewers on slow lines get a smaller picture instead of one that stops. The server makes it from yours.',
  'sizes.mode': 'When smaller pictures are made',
  'sizes.mode.auto': 'When needed',
  'sizes.mode.auto.text': 'They are made while somebody watches who may need them.',
  'sizes.mode.always': 'Always',
  'sizes.mode.always.text': 'They are ready at once for everybody, and keep the server busy all the time.',
  'sizes.mode.off': 'Off',
  'sizes.mode.off.text': 'Everybody gets your picture as you send it.',
  'sizes.now': 'Smaller pictures now',
  'sizes.running': 'Made now: {sizes}. They take {cores} of a processor core.',
  'sizes.idle': 'Ready to be made: {sizes}.',
  'sizes.shed': 'The server is too busy for {sizes}, so it left that out for a while. Viewers get the other sizes. End other streams or use a faster machine to have it back.',
  'sizes.failed': 'The server cannot make {sizes} of your picture. Viewers get your picture as you send it. Choose H.264 as the video encoder, or start the encoder again.',
  'sizes.none.SMALL': 'Your picture is small already, so no smaller ones are made.',
  'sizes.none.SIZE_UNKNOWN': 'Your encoder does not say how large the picture is, so no smaller ones are made.',
  'sizes.none.SHAPE': 'Your picture is too long and narrow for smaller ones.',
  'sizes.none.SEVERAL_SIZES': 'You send your picture in several sizes already, so the server makes no others.',
} as const satisfies Sentences<'bridge' | 'sizes'>;
