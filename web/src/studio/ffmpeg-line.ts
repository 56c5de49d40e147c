/** A command that sends a file as live, with settings that suit viewers: a key frame every two seconds, no B-frames. */

export function ffmpegLine(url: string, key: string): string {
  return `ffmpeg -re -i video.mp4 -c:v libx264 -preset veryfast -tune zerolatency -b:v 2500k -force_key_frames "expr:gte(t,n_forced*2)" -pix_fmt yuv420p -c:a aac -b:a 160k -f flv "${url}/${key}"`;
}
