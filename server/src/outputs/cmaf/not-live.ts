/** Says that there is nothing to play here: nobody sends, or does so to another server. */
import type { ServerResponse } from 'node:http';
import { sendProblem } from '../../lib/problem.ts';
import type { Elsewhere } from '../../stream/elsewhere.ts';

/** How soon a player may ask again. */
const RETRY_SECONDS = 2;

/** How soon, when the broadcast would have to come here first. */
const ELSEWHERE_RETRY_SECONDS = 10;

export async function sendNotLive(res: ServerResponse, streamId: string, elsewhere: Elsewhere): Promise<void> {
  const isElsewhere = await elsewhere.isLive(streamId);
  if (res.closed) return;
  if (!isElsewhere) sendProblem(res, 'not_live', { retryAfterSeconds: RETRY_SECONDS });
  else sendProblem(res, 'on_another_server', { detail: 'This stream is live on another server, and can be watched there.', retryAfterSeconds: ELSEWHERE_RETRY_SECONDS });
}
