/** What Vite and the icon set give that TypeScript does not see by itself. */
/// <reference types="vite/client" />

declare module 'virtual:tokens.css';

declare module '@tabler/icons-react/dist/esm/icons/*' {
  import type { Icon } from '@tabler/icons-react';

  const icon: Icon;

  // biome-ignore lint/style/noDefaultExport: so the icon set exports them.
  export { icon as default };
}
