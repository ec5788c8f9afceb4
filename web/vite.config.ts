import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The gateway that the development server stands before.
const gateway = process.env.IDEOGRAM4_SERVER_URL ?? 'http://127.0.0.1:8000';
const relayed = { target: gateway, changeOrigin: true };

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  html: { cspNonce: '__CSP_NONCE__' }, // the gateway puts a fresh one into every page it gives
  server: {
    port: Number(process.env.IDEOGRAM4_WEBUI_PORT ?? 5173),
    strictPort: true,
    proxy: { '/api': relayed, '/outputs': relayed, '/v1': relayed },
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'manifest.json',
  },
  test: { include: ['src/**/*.test.{ts,tsx}'] },
});
