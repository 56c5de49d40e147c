/** Builds the pages. The colours come from src/look/tokens.ts as a style sheet, so that the first paint has them before any script. */
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
  plugins: [react(), tokens(), zodWithoutEval()],
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
