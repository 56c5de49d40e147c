/**
 * `/whep/{stream}/{session}/layer`: which of the sizes of its picture a viewer is sent. Source: the WHEP draft, video layer selection; what its event
 * stream would tell is answered to GET, since a connection held open for each viewer would cost more than the choice is worth.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LayerSelection, type Layers } from '@millrace/contract/entities/layer';
import { z } from 'zod';
import { AppError } from '../../lib/app-error.ts';
import { OFFER_HEADERS, readJson } from './offer-request.ts';

export const LAYER_METHODS = 'GET, POST, OPTIONS';

/** The sizes of a session's picture. */
export interface LayerChoice {
  list(): Layers;
  /** Throws AppError when there is no such layer. */
  choose(selection: LayerSelection): void;
}

/** RFC 8288: where the layers of a session are. */
export function layerLink(session: string): string {
  return `<${session}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`;
}

/** Throws AppError. */
export async function answerLayers(req: IncomingMessage, res: ServerResponse, layers: LayerChoice): Promise<void> {
  if (req.method === 'GET') {
    const body = JSON.stringify(layers.list());
    res.writeHead(200, { ...OFFER_HEADERS, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    res.end(body);
    return;
  }
  if (req.method !== 'POST') throw new AppError('method_not_allowed', { allow: [LAYER_METHODS] });
  const selection = LayerSelection.safeParse(await readJson(req));
  if (!selection.success) throw new AppError('invalid_request', { detail: z.prettifyError(selection.error) });
  layers.choose(selection.data);
  res.writeHead(200, { ...OFFER_HEADERS, 'Content-Length': 0 });
  res.end();
}
