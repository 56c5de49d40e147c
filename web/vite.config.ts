/** Builds the pages. The colours come from src/look/tokens.ts as a style sheet, so that the first paint has them before any script. */
import { icons as tabler } from '@iconify-json/tabler';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { tokensCss } from './src/look/tokens.ts';

const TOKENS_ID = 'virtual:tokens.css';

function tokens(): Plugin {
  return {
    name: 'millrace-tokens',
    resolveId: (id) => (id === TOKENS_ID ? `\0${TOKENS_ID}` : undefined),
    load: (id) => (id === `\0${TOKENS_ID}` ? tokensCss() : undefined),
  };
}

const ICON_ID = /^~icons\/([a-z0-9-]+)$/;

/** `~icons/copy` draws that icon. Read from the set as one file: packages of a file for each icon were a quarter of the whole installation. */
function icons(): Plugin {
  return {
    name: 'millrace-icons',
    enforce: 'pre',
    resolveId: (id) => (ICON_ID.test(id) ? `\0${id}` : undefined),
    load(id) {
      const [, name] = ICON_ID.exec(id.slice(1)) ?? [];
      if (name === undefined) return undefined;
      const body = tabler.icons[name]?.body;
      if (body === undefined) throw new Error(`There is no icon "${name}" in the set.`);
      if (!/^(<g [^>]*>)?(<path [^>]*\/>)+(<\/g>)?$/.test(body)) throw new Error(`The icon "${name}" is made of more than paths.`);
      const paths = Array.from(body.matchAll(/ d="([^"]+)"/g), ([, path]) => path);
      return `import { drawIcon } from '/src/look/icon.tsx';\nexport default drawIcon(${JSON.stringify(paths)}, ${!body.includes('stroke=')});\n`;
    },
  };
}

/** zod compiles its parsers with `new Function` where it may; the pages' content security policy forbids that and each try is an error in the console. */
function zodWithoutEval(): Plugin {
  return {
    name: 'millrace-zod-without-eval',
    transform: (code, id) => (id.endsWith('/zod/v4/core/core.js') ? `${code}\nglobalConfig.jitless = true;\n` : undefined),
  };
}

/** Where `npm run dev` finds the server. */
const SERVER = process.env['MILLRACE_SERVER'] ?? 'http://localhost:8080';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tokens(), icons(), zodWithoutEval()],
  // Small assets stay files: a data: address would need a hole in the content security policy.
  build: { manifest: true, target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  server: {
    proxy: {
      '/api': SERVER,
      '/hls': SERVER,
      '/dash': SERVER,
      '/ca.crt': SERVER,
      '/ca.mobileconfig': SERVER,
      '/ws': { target: SERVER, ws: true },
    },
  },
});
