import { stripVTControlCharacters } from 'node:util';
import QRCode from 'qrcode';
import { expect, test } from 'vitest';
import type { Machine } from '../lib/machine.ts';
import { greet } from './greeting.ts';
import { drawQr } from './half-block-qr.ts';

const machine: Machine = { hostName: 'laptop', addresses: [{ address: '192.168.1.20', family: 'IPv4', interfaceName: 'wlan0' }] };
const facts = { publicUrl: undefined, host: '0.0.0.0', ports: { http: 8080, https: 8443 }, machine, lanAddress: '192.168.1.20', fingerprint: 'AB:CD' };

test('a terminal gets the address by number and by name, a QR of it, and where to read about the warning', async () => {
  const text = await greet(facts);
  expect(text).toContain('    https://192.168.1.20:8443\n    https://laptop.local:8443\n');
  expect(text).toContain(drawQr('https://192.168.1.20:8443').split('\n')[5]);
  expect(text).toContain('http://192.168.1.20:8080/trust\n  The fingerprint of its authority: AB:CD\n');
});

test('a public address stands alone', async () => {
  const text = await greet({ ...facts, publicUrl: 'https://live.example.org' });
  expect(text).toContain('    https://live.example.org\n');
  expect(text).not.toMatch(/192\.168|trust|laptop/);
});

test('without HTTPS the plain address is given, and an address of its own is the only one', async () => {
  expect(await greet({ ...facts, ports: { http: 8080, https: undefined }, fingerprint: undefined })).toContain('    http://192.168.1.20:8080\n');
  expect(await greet({ ...facts, host: '::1' })).toContain('    https://[::1]:8443\n');
});

test('the drawn QR has every module of the code in its place', () => {
  const text = 'https://192.168.1.20:8443';
  const { size, data } = QRCode.create(text, { errorCorrectionLevel: 'L' }).modules;
  const rows = stripVTControlCharacters(drawQr(text)).split('\n');
  const drawn: number[] = [];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const cell = rows[(y + 2) >> 1]?.[x + 2] ?? '';
      drawn.push((y % 2 === 0 ? '▀█' : '▄█').includes(cell) ? 1 : 0);
    }
  }
  expect(drawn).toEqual(Array.from(data, Number));
});
