// A part of the page that may fail without taking the rest with it.
import { ErrorBoundary, type FallbackProps } from 'react-error-boundary';
import type { ReactNode } from 'react';
import { copyText } from '@/lib/clipboard';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';

export function Stopped({ error, resetErrorBoundary }: FallbackProps) {
  const t = useT();
  const what = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ''}` : String(error);
  const details = () => [window.location.pathname, new Date().toISOString(), navigator.userAgent, what].join('\n');
  return (
    <div role="alert" className="flex max-w-[68ch] flex-col items-start gap-1 p-4">
      <p className="font-semibold">{t.app.panelFailed}</p>
      <p className="text-control text-text-2">{t.app.panelFailedText}</p>
      <div className="mt-2 flex flex-wrap gap-2">
        <Button onClick={resetErrorBoundary}>{t.app.panelReload}</Button>
        <Button onClick={() => void copyText(details())}>{t.app.copyDetails}</Button>
      </div>
    </div>
  );
}

export function Panel({ children }: { children: ReactNode }) {
  return <ErrorBoundary FallbackComponent={Stopped}>{children}</ErrorBoundary>;
}
