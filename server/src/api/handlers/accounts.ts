/** The calls about identities. */
import type { createGuest, getMe } from '@millrace/contract/rest/auth';
import type { Accounts } from '../../accounts/accounts.ts';
import type { Handler } from '../mount.ts';

export interface AccountHandlers {
  readonly createGuest: Handler<typeof createGuest>;
  readonly getMe: Handler<typeof getMe>;
}

export function accountHandlers(accounts: Accounts): AccountHandlers {
  return {
    async createGuest({ body, credentials, remoteAddress, userAgent, secure, responseHeaders }) {
      const { token, user, cookie } = await accounts.createGuest({ credentials, remoteAddress, userAgent, device: body.device });
      if (cookie !== undefined) responseHeaders.append('set-cookie', secure ? `${cookie}; Secure` : cookie);
      return { token, user };
    },
    getMe: ({ user }) => user,
  };
}
