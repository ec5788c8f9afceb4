import '@/app/tokens.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startPrefs, usePrefs } from '@/app/prefs';
import { router } from '@/app/router';
import { ApiError } from '@/api/client';
import { loadTheRest } from '@/ui/later';
import { TipProvider } from '@/ui/tip';

await startPrefs();
// Before anything is shown: nobody's first press may mean what it no longer means.
if (Object.keys(usePrefs.getState().keys).length > 0) await import('@/app/key-places');

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // What the server refused it refuses again; what it did not answer is asked again.
      retry: (count, error) => count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
    },
  },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <TipProvider>
        <RouterProvider router={router} />
      </TipProvider>
    </QueryClientProvider>
  </StrictMode>,
);
loadTheRest();
