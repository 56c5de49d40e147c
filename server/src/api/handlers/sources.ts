/** The calls of an owner whose stream is fetched from elsewhere. */
import type * as routes from '@millrace/contract/rest/sources';
import type { Sources } from '../../streams/sources.ts';
import type { Handler } from '../mount.ts';

export interface SourceHandlers {
  readonly getSource: Handler<typeof routes.getSource>;
  readonly setSource: Handler<typeof routes.setSource>;
  readonly deleteSource: Handler<typeof routes.deleteSource>;
}

export function sourceHandlers(sources: Sources): SourceHandlers {
  return {
    getSource: async ({ user, params }) => ({ source: await sources.get(user, params.id) }),
    setSource: async ({ user, params, body }) => ({ source: await sources.set(user, params.id, body) }),
    async deleteSource({ user, params }) {
      await sources.remove(user, params.id);
      return undefined;
    },
  };
}
