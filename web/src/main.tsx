/** Puts the pages together: services, theme, router. Imported by nobody. */
import 'virtual:tokens.css';
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './look/mantine.css';
import './look/global.css';
import { MantineProvider } from '@mantine/core';
import { Guest } from '@millrace/client/guest';
import { MillraceClient } from '@millrace/client/rest';
import { ServerClock } from '@millrace/client/server-clock';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { makeQueryClient } from './app/query-client.ts';
import { makeRouter } from './app/router.tsx';
import { theme } from './look/theme.ts';
import { deviceName } from './parts/device.ts';
import { ServicesProvider } from './parts/services.tsx';

const boundFetch: typeof fetch = (...request) => fetch(...request);
const guest = new Guest({ baseUrl: '', fetch: boundFetch, storage: localStorage, device: deviceName(), randomId: () => randomId() });
const client = new MillraceClient({ baseUrl: '', fetch: boundFetch, getToken: () => guest.token });
const services = { client, guest, clock: new ServerClock(Date.now) };

const element = document.getElementById('root');
if (!element) throw new Error('index.html has no #root');

createRoot(element).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="dark">
      <QueryClientProvider client={makeQueryClient()}>
        <ServicesProvider services={services}>
          <RouterProvider router={makeRouter()} />
        </ServicesProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

/** 128 random bits; `randomUUID` is missing where a page is served over plain HTTP from another machine. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
