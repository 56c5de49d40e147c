/** An identity: a guest bound to a device, or an account it was upgraded to. */
import { z } from 'zod';
import { Id, Instant } from '../ids.ts';

export const User = z
  .strictObject({
    id: Id,
    kind: z.enum(['guest', 'account']),
    name: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof User>;
