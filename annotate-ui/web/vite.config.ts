// Builds the labeling page into dist/annotate-ui/web, from which the server sends it.
import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

export default defineConfig({
  // `vite build annotate-ui/web` makes this folder the root.
  base: './',
  plugins: [preact({ devToolsEnabled: false })],
  build: {
    outDir: '../../dist/annotate-ui/web',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows files of our own only: nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The lead's charts are a chunk of their own.
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:4600' } },
});
