/** The call about encryption: where it is, and whose certificate it shows. */
import type { getTrust } from '@millrace/contract/rest/trust';
import type { Handler } from '../mount.ts';

export interface TrustHandlers {
  readonly getTrust: Handler<typeof getTrust>;
}

/** What is known of the server's own authority; undefined while another one's certificate is shown. */
export interface AuthoritySource {
  readonly caCertificate: { readonly name: string; readonly fingerprint: string; readonly expiresAt: Date } | undefined;
}

export function trustHandlers(source: AuthoritySource | undefined): TrustHandlers {
  return {
    getTrust({ secureOrigin }) {
      const authority = source?.caCertificate;
      return {
        secureUrl: secureOrigin ?? null,
        authority: authority ? { name: authority.name, fingerprint: authority.fingerprint, expiresAt: authority.expiresAt.toISOString() } : null,
      };
    },
  };
}
