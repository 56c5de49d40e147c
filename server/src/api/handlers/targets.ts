/** The calls of an owner who forwards a stream. */
import type * as routes from '@millrace/contract/rest/targets';
import type { Targets } from '../../streams/targets.ts';
import type { Handler } from '../mount.ts';

export interface TargetHandlers {
  readonly listTargets: Handler<typeof routes.listTargets>;
  readonly createTarget: Handler<typeof routes.createTarget>;
  readonly updateTarget: Handler<typeof routes.updateTarget>;
  readonly deleteTarget: Handler<typeof routes.deleteTarget>;
}

export function targetHandlers(targets: Targets): TargetHandlers {
  return {
    listTargets: async ({ user, params }) => ({ items: await targets.list(user, params.id) }),
    createTarget: ({ user, params, body }) => targets.create(user, params.id, body),
    updateTarget: ({ user, params, body }) => targets.update(user, params.id, params.targetId, body),
    async deleteTarget({ user, params }) {
      await targets.remove(user, params.id, params.targetId);
      return undefined;
    },
  };
}
