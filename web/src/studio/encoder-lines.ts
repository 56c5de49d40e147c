/** Commands that send live, with settings that suit viewers: a key frame every two seconds, no B-frames. */

/** In place of the key while it is hidden. */
export const HIDDEN_KEY = '••••••••';

/** A file by RTMP. */
export function ffmpegLine(url: string, key: string): string {
  return `ffmpeg -re -i video.mp4 -c:v libx264 -preset veryfast -tune zerolatency -b:v 2500k -force_key_frames "expr:gte(t,n_forced*2)" -pix_fmt yuv420p -c:a aac -b:a 160k -f flv "${url}/${key}"`;
}

/** Camera and microphone by WHIP. The sink encodes by itself, and makes key frames when the server asks. */
export function whipLine(url: string, token: string): string {
  return `gst-launch-1.0 whipclientsink name=whip video-caps=video/x-h264 signaller::whip-endpoint="${url}" signaller::auth-token="${token}" autovideosrc ! videoconvert ! queue ! whip. autoaudiosrc ! audioconvert ! audioresample ! queue ! whip.`;
}
