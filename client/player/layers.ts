/** The sizes of a picture in real time: what the server has, and the choice among them. Source: the WHEP draft, video layer selection. */
import { type Layer, Layers } from '@millrace/contract/entities/layer';

const LAYER = 'urn:ietf:params:whep:ext:core:layer';

/** The part of a session's signalling that is needed here. */
interface Extensible {
  extension(rel: string, init?: RequestInit): Promise<Response | undefined>;
}

/** Best first. Undefined: the server does not tell, or cannot be reached. */
export async function readLayers(session: Extensible): Promise<readonly Layer[] | undefined> {
  const response = await session.extension(LAYER);
  if (!response?.ok) return undefined;
  const layers = Layers.safeParse(await response.json().catch(() => undefined));
  return layers.data && (Object.values(layers.data)[0] ?? []);
}

/** Asks for one of them; undefined is the best that the network takes. False: the server did not take it. */
export async function selectLayer(session: Extensible, rid: string | undefined): Promise<boolean> {
  const response = await session.extension(LAYER, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ rid }) });
  return response?.ok === true;
}
