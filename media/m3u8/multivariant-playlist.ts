/** Writes the multivariant playlist: which renditions there are and what they need. */

export interface Variant {
  readonly uri: string;
  readonly codecs: readonly string[];
  /** Bits a second at its peak and over time. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  /** Of video alone. */
  readonly resolution: { readonly width: number; readonly height: number } | undefined;
  readonly frameRate: number | undefined;
}

export interface AudioRendition {
  readonly uri: string;
  readonly name: string;
  readonly channels: number;
  readonly isDefault: boolean;
}

/** Every variant uses the one audio group when there is one. */
export function writeMultivariantPlaylist(variants: readonly Variant[], audio: readonly AudioRendition[], query: string): string {
  let text = '#EXTM3U\n#EXT-X-VERSION:9\n';
  for (const { uri, name, channels, isDefault } of audio) {
    text += `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="${name}",DEFAULT=${isDefault ? 'YES' : 'NO'},AUTOSELECT=YES,CHANNELS="${channels}",URI="${uri}${query}"\n`;
  }
  for (const variant of variants) {
    text += `#EXT-X-STREAM-INF:BANDWIDTH=${variant.bandwidth},AVERAGE-BANDWIDTH=${variant.averageBandwidth},CODECS="${variant.codecs.join(',')}"`;
    if (variant.resolution) text += `,RESOLUTION=${variant.resolution.width}x${variant.resolution.height}`;
    if (variant.frameRate !== undefined) text += `,FRAME-RATE=${variant.frameRate.toFixed(3)}`;
    if (audio.length > 0) text += ',AUDIO="audio"';
    text += `\n${variant.uri}${query}\n`;
  }
  return text;
}
