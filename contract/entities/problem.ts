/** How every failure looks: RFC 9457 problem details with a code from the registry. */
import { z } from 'zod';
import { ERROR_CODES } from '../errors.ts';

export const Problem = z
  .strictObject({
    /** Where the code is explained. */
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES),
    /** What happened here, in a sentence for a person. */
    detail: z.string().optional(),
    instance: z.string().optional(),
    /** The fields that were wrong, for `invalid_request`. */
    fields: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;
