// A part of the page that may fail without taking the rest with it.
import { ErrorBoundary, type FallbackProps } from 'react-error-boundary';
import type { ReactNode } from 'react';
import { copyText } from '@/lib/clipboard';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';

function Stopped({ error, resetErrorBoundary }: FallbackProps) {
  const t = useT();
  const details = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ''}` : String(error);
  return (
    <div role="alert" className="flex flex-col items-start gap-2 p-4">
      <p className="font-medium">{t.app.panelFailed}</p>
      <div className="flex gap-2">
        <Button onClick={resetErrorBoundary}>{t.app.panelReload}</Button>
        <Button onClick={() => void copyText(details)}>{t.app.copyDetails}</Button>
      </div>
    </div>
  );
}

export function Panel({ children }: { children: ReactNode }) {
  return <ErrorBoundary FallbackComponent={Stopped}>{children}</ErrorBoundary>;
}
