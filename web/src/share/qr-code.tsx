/** A link as a QR code, drawn as one path. Dark on light in every theme: many scanners read nothing else. */
import QRCode from 'qrcode';
import { t } from '../text/text.ts';
import classes from './qr-code.module.css';

/** Modules of quiet zone that the standard asks for. */
const QUIET = 4;

export function QrCode({ text }: { readonly text: string }) {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const size = modules.size + QUIET * 2;
  return (
    <svg className={classes.code} viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t('studio.qr')} shapeRendering="crispEdges">
      <path d={squares(modules.data, modules.size)} />
    </svg>
  );
}

/** Runs of dark modules as rectangles one high. */
function squares(data: ArrayLike<number>, size: number): string {
  let path = '';
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!data[y * size + x]) continue;
      let end = x + 1;
      while (end < size && data[y * size + end]) end++;
      path += `M${x + QUIET} ${y + QUIET}h${end - x}v1h-${end - x}z`;
      x = end;
    }
  }
  return path;
}
