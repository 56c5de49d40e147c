/** The addresses of the pages. Each page is a chunk of its own, so that who watches does not load the studio. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Broken } from './broken.tsx';
import { NotFound } from './not-found.tsx';
import { Root } from './root.tsx';

const root = createRootRoute({ component: Root, notFoundComponent: NotFound, errorComponent: Broken });

const home = createRoute({ getParentRoute: () => root, path: '/', component: lazyRouteComponent(() => import('../home/home-page.tsx'), 'HomePage') });
const choose = createRoute({ getParentRoute: () => root, path: '/live', component: lazyRouteComponent(() => import('../studio/choose-page.tsx'), 'ChoosePage') });
const studio = createRoute({
  getParentRoute: () => root,
  path: '/live/$id',
  validateSearch: ({ from }): { from?: 'device' | 'fetch' } => (from === 'device' || from === 'fetch' ? { from } : {}),
  component: lazyRouteComponent(() => import('../studio/studio-page.tsx'), 'StudioPage'),
});
const settings = createRoute({ getParentRoute: () => root, path: '/settings', component: lazyRouteComponent(() => import('../settings/settings-page.tsx'), 'SettingsPage') });
const trust = createRoute({ getParentRoute: () => root, path: '/trust', component: lazyRouteComponent(() => import('../trust/trust-page.tsx'), 'TrustPage') });
const watch = createRoute({
  getParentRoute: () => root,
  path: '/w/$code',
  validateSearch: (search): { token?: string } => (typeof search['token'] === 'string' ? { token: search['token'] } : {}),
  component: lazyRouteComponent(() => import('../watch/watch-page.tsx'), 'WatchPage'),
});

const library = createRoute({ getParentRoute: () => root, path: '/library', component: lazyRouteComponent(() => import('../library/library-page.tsx'), 'LibraryPage') });
const recording = createRoute({
  getParentRoute: () => root,
  path: '/v/$id',
  validateSearch: (search): { token?: string; t?: string } => ({
    ...(typeof search['token'] === 'string' ? { token: search['token'] } : {}),
    ...(typeof search['t'] === 'string' ? { t: search['t'] } : {}),
  }),
  component: lazyRouteComponent(() => import('../recording/recording-page.tsx'), 'RecordingPage'),
});

export function makeRouter() {
  return createRouter({
    routeTree: root.addChildren([home, choose, studio, library, recording, settings, trust, watch]),
    defaultPreload: 'intent',
    scrollRestoration: true,
    // Plain query strings: a token that looks like a number stays the text it is.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search) => {
      const text = new URLSearchParams(Object.entries(search).map(([name, value]): [string, string] => [name, String(value)])).toString();
      return text ? `?${text}` : '';
    },
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
