/** Servers that encrypt, and one that does not: fetched from when their certificates are good, and left alone when they are not. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { LocalAuthority } from '../../certificates/authority.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/silent-log.ts';
import type { Program } from '../../transports/ffmpeg/testing/tools.ts';
import { camera } from './testing/camera.ts';
import { nginxRtmp } from './testing/nginx-rtmp.ts';
import { encodeLoop, H264_AAC, PullStand, portOf } from './testing/pull-stand.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-pull-tls-'));
const file = join(folder, 'long.ts');

/** Of an authority that sources are believed by, where a test says so. */
let authorities: readonly string[];
let pair: { readonly cert: string; readonly key: string };
/** Its certificate is for another name. */
let misnamed: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  await encodeLoop(folder);
  const names = { dns: ['localhost', 'elsewhere.local'], ips: ['127.0.0.1'] };
  const authority = await LocalAuthority.open({ folder, clock: systemClock, log: silentLog }, names);
  authorities = [authority.certificate.pem];
  pair = (await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'] }, 'localhost')).pair;
  misnamed = (await authority.issue({ dns: ['elsewhere.local'], ips: [] }, 'elsewhere.local')).pair;
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

class Listening implements Disposable {
  readonly #server: Server & { closeAllConnections?(): void };
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = portOf(server.address());
  }

  static async on(server: Server): Promise<Listening> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Listening(server);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    this.#server.closeAllConnections?.();
  }
}

/** MPEG-TS at every address but `/list.m3u8`, which names it. */
function httpsServer(tls: { readonly cert: string; readonly key: string }): Promise<Listening> {
  const server = createHttps(tls, (request, response) => {
    if (request.url === '/list.m3u8') response.end('#EXTM3U\n#EXT-X-TARGETDURATION:120\n#EXTINF:120,\nall.ts\n#EXT-X-ENDLIST\n');
    else response.writeHead(request.url === '/gone.ts' ? 404 : 200).end(readFileSync(file));
  });
  return Listening.on(server);
}

describe('over HTTPS', () => {
  test.each(['all.ts', 'list.m3u8'])('%s is fetched from a server that an authority vouches for', async (name) => {
    using server = await httpsServer(pair);
    using stand = new PullStand(`https://localhost:${server.port}/${name}`, { authorities });
    await stand.pictures(30);
    expect(stand.formats.at(-1)).toMatchObject(H264_AAC);
  });

  test('nothing is fetched from one that nobody vouches for, or that is another', async () => {
    using server = await httpsServer(pair);
    using unknown = new PullStand(`https://localhost:${server.port}/all.ts`);
    expect(await unknown.failure()).toEqual({
      problem: 'source_untrusted',
      error: expect.stringMatching(/^The certificate that localhost:\d+ shows is signed by an authority that this server does not know/),
    });
    using other = await httpsServer(misnamed);
    using renamed = new PullStand(`https://localhost:${other.port}/all.ts`, { authorities });
    expect(await renamed.failure()).toEqual({ problem: 'source_untrusted', error: expect.stringMatching(/ is for another name /) });
  });

  test('nor when a playlist names it', async () => {
    using server = await httpsServer(pair);
    using outer = await Listening.on(
      createHttp((_, response) => response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttps://localhost:${server.port}/all.ts\n#EXT-X-ENDLIST\n`)),
    );
    using stand = new PullStand(`http://127.0.0.1:${outer.port}/list.m3u8`);
    expect(await stand.failure()).toMatchObject({ problem: 'source_untrusted' });
  });

  test('what is not there is told', async () => {
    using server = await httpsServer(pair);
    using stand = new PullStand(`https://127.0.0.1:${server.port}/gone.ts`, { authorities });
    expect(await stand.failure()).toEqual({ problem: 'source_not_found', error: 'The source has nothing at this address (404).' });
  });
});

describe('over RTMP and RTMPS', () => {
  test('a stream of nginx is fetched', async () => {
    await ensureTool('nginx-rtmp');
    using nginx = await nginxRtmp(folder, file);
    using plain = new PullStand(`rtmp://127.0.0.1:${nginx.port}${nginx.path}`);
    await plain.pictures(30);
    expect(plain.formats.at(-1)).toMatchObject(H264_AAC);
    const front = createTls(pair, (socket) => {
      const inside = connect(nginx.port, '127.0.0.1');
      socket.on('error', () => {}).on('close', () => inside.destroy());
      inside.on('error', () => {}).on('close', () => socket.destroy());
      socket.pipe(inside).pipe(socket);
    });
    using secure = await Listening.on(front);
    using encrypted = new PullStand(`rtmps://localhost:${secure.port}${nginx.path}`, { authorities });
    await encrypted.pictures(30);
    expect(encrypted.formats.at(-1)).toMatchObject(H264_AAC);
    using unknown = new PullStand(`rtmps://localhost:${secure.port}${nginx.path}`);
    expect(await unknown.failure()).toMatchObject({ problem: 'source_untrusted' });
  });
});

describe('over RTSPS', () => {
  test('a camera is fetched by who knows the password, and by nobody else', async () => {
    await ensureTool('gst-rtsp-server');
    using server: Program = camera({ pem: pair.cert + pair.key });
    const port = await server.firstLine();
    using stand = new PullStand(`rtsps://user:password@localhost:${port}/camera`, { authorities });
    await stand.pictures(30);
    expect(stand.formats.at(-1)).toMatchObject(H264_AAC);
    using stranger = new PullStand(`rtsps://user:guess@localhost:${port}/camera`, { authorities });
    expect(await stranger.failure()).toEqual({ problem: 'source_refused', error: 'The source wants another user name or password (401).' });
    using unknown = new PullStand(`rtsps://user:password@localhost:${port}/camera`);
    expect(await unknown.failure()).toMatchObject({ problem: 'source_untrusted' });
  });
});
