/** Downloads of the local authority, and the proofs that a public authority asks for. Served over plain HTTP too: nobody trusts the other yet. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendProblem } from '../lib/problem.ts';
import type { AuthorityCertificate } from './authority.ts';
import { writeProfile } from './profile.ts';

export interface CertificateRoutesDeps {
  readonly certificates: {
    readonly caCertificate: AuthorityCertificate | undefined;
    acmeChallenge(token: string): string | undefined;
  };
}

const CHALLENGE_PREFIX = '/.well-known/acme-challenge/';

interface Download {
  readonly type: string;
  readonly fileName: string;
  body(certificate: AuthorityCertificate): Buffer;
}

const DOWNLOADS: Readonly<Record<string, Download>> = {
  // DER: every system opens it; Windows and old Androids do not open PEM under this name.
  '/ca.crt': { type: 'application/x-x509-ca-cert', fileName: 'millrace-ca.crt', body: ({ der }) => der },
  '/ca.mobileconfig': { type: 'application/x-apple-aspen-config', fileName: 'millrace.mobileconfig', body: (certificate) => Buffer.from(writeProfile(certificate)) },
};

export class CertificateRoutes {
  readonly #certificates: CertificateRoutesDeps['certificates'];

  constructor({ certificates }: CertificateRoutesDeps) {
    this.#certificates = certificates;
  }

  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const isChallenge = path.startsWith(CHALLENGE_PREFIX);
    const download = DOWNLOADS[path];
    if (!isChallenge && !download) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendProblem(response, 'method_not_allowed', { headers: { Allow: 'GET, HEAD' } });
      return true;
    }
    if (download) this.#sendDownload(request, response, download);
    else this.#sendChallenge(request, response, path.slice(CHALLENGE_PREFIX.length));
    return true;
  }

  #sendDownload(request: IncomingMessage, response: ServerResponse, { type, fileName, body }: Download): void {
    const certificate = this.#certificates.caCertificate;
    if (!certificate) {
      sendProblem(response, 'not_found', { detail: 'This server uses the certificate of another authority: there is nothing to install.' });
      return;
    }
    const bytes = body(certificate);
    send(request, response, bytes, { 'content-type': type, 'content-disposition': `attachment; filename="${fileName}"`, etag: etagOf(bytes) });
  }

  #sendChallenge(request: IncomingMessage, response: ServerResponse, token: string): void {
    const answer = this.#certificates.acmeChallenge(token);
    if (answer === undefined) sendProblem(response, 'not_found');
    else send(request, response, Buffer.from(answer), { 'content-type': 'application/octet-stream' });
  }
}

function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer, headers: Readonly<Record<string, string>>): void {
  response.writeHead(200, { ...headers, 'content-length': bytes.length, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
}
