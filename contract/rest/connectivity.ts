/** How browsers find a path for real-time media. */
import { z } from 'zod';
import { Instant } from '../ids.ts';
import { defineRoute } from './route.ts';

/** As `RTCPeerConnection` takes it. */
export const IceServer = z
  .strictObject({
    urls: z.array(z.string()).min(1),
    username: z.string().optional(),
    credential: z.string().optional(),
  })
  .meta({ id: 'IceServer' });
export type IceServer = z.infer<typeof IceServer>;

export const getIceServers = defineRoute({
  id: 'getIceServers',
  method: 'get',
  path: '/ice-servers',
  summary: 'STUN and TURN addresses with credentials of your own; guests get them too',
  auth: 'required',
  success: {
    status: 200,
    body: z.strictObject({ iceServers: z.array(IceServer), expiresAt: Instant }),
    description: 'For `new RTCPeerConnection({iceServers})`. What was connected before `expiresAt` stays connected. Empty when the operator switched the relay off.',
  },
  errors: ['not_authenticated'],
});
