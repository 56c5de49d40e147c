/** What the build makes that TypeScript does not see by itself. */
/// <reference types="vite/client" />

declare module 'virtual:tokens.css';

declare module '~icons/*' {
  const icon: import('./look/icon.tsx').Icon;

  // biome-ignore lint/style/noDefaultExport: a module is one icon, which whoever imports it names.
  export { icon as default };
}
