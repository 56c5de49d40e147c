/** Joins a mountpoint of Janus's streaming plugin as one of many viewers: there the server offers. */
import { randomUUID } from 'node:crypto';
import { RtcViewer } from './viewer.ts';
import type { Joined, JoinOptions } from './whep-join.ts';

interface JanusMessage {
  readonly janus: string;
  readonly data?: { readonly id: number };
  readonly jsep?: { readonly sdp: string };
  readonly error?: { readonly reason: string };
}

/** @param url of the API, with `?id=` of the mountpoint. */
export async function joinJanus(url: string, { counts }: Pick<JoinOptions, 'counts'>): Promise<Joined> {
  const base = new URL(url);
  const id = Number(base.searchParams.get('id'));
  base.search = '';
  const session = `${base.href}/${(await ask(base.href, { janus: 'create' })).data?.id}`;
  const handle = `${session}/${(await ask(session, { janus: 'attach', plugin: 'janus.plugin.streaming' })).data?.id}`;
  await ask(handle, { janus: 'message', body: { request: 'watch', id } });
  const { viewer, answer } = await RtcViewer.answering(await offerOf(session), counts);
  try {
    await ask(handle, { janus: 'message', body: { request: 'start' }, jsep: { type: 'answer', sdp: answer } });
    await viewer.connected();
    return {
      viewer,
      async leave() {
        await ask(session, { janus: 'destroy' });
        viewer.close();
      },
    };
  } catch (error) {
    viewer.close();
    throw error;
  }
}

async function offerOf(session: string): Promise<string> {
  for (;;) {
    const event: JanusMessage = await (await fetch(`${session}?maxev=1`)).json();
    if (event.jsep) return event.jsep.sdp;
    if (event.janus === 'timeout' || event.error) throw new Error(`Janus made no offer: ${JSON.stringify(event)}`);
  }
}

async function ask(url: string, message: object): Promise<JanusMessage> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ ...message, transaction: randomUUID() }) });
  const answer: JanusMessage = await response.json();
  if (answer.error) throw new Error(`Janus: ${answer.error.reason}`);
  return answer;
}
