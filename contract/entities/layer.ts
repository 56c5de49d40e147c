/** The sizes of a WHEP session's picture and the choice among them. Source: the WHEP draft, video layer selection. */
import { z } from 'zod';

const Rid = z.string().min(1).max(32);

export const Layer = z
  .object({
    rid: Rid.meta({ description: 'Its name, such as `720p`.' }),
    width: z.int().positive(),
    height: z.int().positive(),
    targetBitrate: z.int().positive().optional().meta({ description: 'The most it uses, in bits a second; absent where the publisher decides.' }),
  })
  .meta({ id: 'Layer' });
export type Layer = z.infer<typeof Layer>;

/** As the data of the draft's `layers` event: by the index of the media line, the best first. */
export const Layers = z.record(z.string(), z.array(Layer)).meta({ id: 'Layers' });
export type Layers = z.infer<typeof Layers>;

export const LayerSelection = z
  .strictObject({
    mediaId: z.string().max(8).optional().meta({ description: 'Index of the media line; the picture’s when left out.' }),
    rid: Rid.optional().meta({ description: 'The one to send. Left out: the best that the network takes.' }),
    encodingId: Rid.optional().meta({ description: 'The same by the name that earlier drafts had for it.' }),
  })
  .meta({ id: 'LayerSelection' });
export type LayerSelection = z.infer<typeof LayerSelection>;
