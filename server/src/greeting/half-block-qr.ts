/** A QR code in a terminal: two modules a character, black on white whatever the terminal's colours, because many scanners read nothing else. */
import QRCode from 'qrcode';

/** Modules of quiet zone. The standard asks for four; terminals are large and scanners content with two. */
const QUIET = 2;

/** By what is dark: neither, the lower, the upper, both. */
const CELLS = [' ', '▄', '▀', '█'] as const;

/** Black on white of the 256-colour palette, which themes do not bend. */
const INK = '\u001b[38;5;16;48;5;231m';
const PLAIN = '\u001b[0m';

export function drawQr(text: string): string {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'L' });
  const { size, data } = modules;
  const isDark = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < size && y < size && Boolean(data[y * size + x]);
  const lines: string[] = [];
  for (let y = -QUIET; y < size + QUIET; y += 2) {
    let line = '';
    for (let x = -QUIET; x < size + QUIET; x++) line += CELLS[(isDark(x, y) ? 2 : 0) + (isDark(x, y + 1) ? 1 : 0)];
    lines.push(`${INK}${line}${PLAIN}`);
  }
  return lines.join('\n');
}
