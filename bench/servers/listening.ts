/** Waits for a server that does not say when it is ready. */
import { connect } from 'node:net';
import type { Child } from '../../e2e/harness/child.ts';
import { until } from '../../e2e/harness/until.ts';

export async function listening(port: number, child: Child): Promise<void> {
  await until(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', () => resolve(false));
      }),
    { what: `${child.name} to listen on ${port}`, timeoutMs: 10_000, everyMs: 20, seen: () => child.tail() },
  );
}
