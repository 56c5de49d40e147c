/** What pages talk through: the client, the guest and the server's clock, made once in main.tsx and handed down. */
import type { Guest } from '@millrace/client/guest';
import type { MillraceClient } from '@millrace/client/rest';
import type { ServerClock } from '@millrace/client/server-clock';
import { createContext, type ReactNode, use } from 'react';

export interface Services {
  readonly client: MillraceClient;
  readonly guest: Guest;
  readonly clock: ServerClock;
}

const ServicesContext = createContext<Services | undefined>(undefined);

export function ServicesProvider({ services, children }: { readonly services: Services; readonly children: ReactNode }) {
  return <ServicesContext value={services}>{children}</ServicesContext>;
}

export function useServices(): Services {
  const services = use(ServicesContext);
  if (!services) throw new Error('useServices outside ServicesProvider');
  return services;
}
