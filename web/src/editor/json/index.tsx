// The caption as text: for those who know the format. The editor for it loads when it is needed.
import { useQuery } from '@tanstack/react-query';
import { Suspense, lazy } from 'react';
import { capabilitiesQuery } from '@/api/queries';
import { announce } from '@/app/ui-state';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { bytes } from '@/lib/format';
import { Button } from '@/ui/button';
import { jsonMessage } from './message';
import { tidy } from './tidy';

const Code = lazy(() => import('./code'));

function Trouble() {
  const t = useT().tools;
  const error = useDocument((s) => s.error);
  const text = useDocument((s) => s.doc.text);
  const { data } = useQuery(capabilitiesQuery);
  const limit = data?.limits?.caption_bytes;
  const size = limit && text.length * 4 > limit ? new TextEncoder().encode(text).length : 0;
  const isTooLong = limit !== undefined && size > limit;
  if (!error && !isTooLong) return null;
  return (
    <p role="alert" className="flex items-center gap-3 bg-bad-soft px-3 py-1.5 text-control text-bad">
      {error ? (
        <>
          <span data-testid="json-error" className="min-w-0 flex-1 break-words">
            <span className="font-medium">{t.jsonAt(error.line, error.column)}:</span>{' '}
            {jsonMessage(error.message, t.jsonErrors)}
          </span>
          <Button
            size="small"
            data-testid="json-revert"
            onClick={() => {
              useDocument.getState().revert();
              announce(t.steps.revert);
            }}
          >
            {t.revert}
          </Button>
        </>
      ) : (
        t.tooLong(bytes(size), bytes(limit ?? 0))
      )}
    </p>
  );
}

export function JsonMode() {
  const t = useT();
  const hasError = useDocument((s) => s.error !== null);
  return (
    <div className="flex h-full min-h-60 flex-col">
      <div className="flex items-center gap-1 border-b border-line px-2 py-1">
        <Button
          size="small"
          look="quiet"
          disabled={hasError}
          data-testid="json-format"
          onClick={() => useDocument.getState().edit('tidy', tidy)}
        >
          {t.tools.tidy}
        </Button>
        <Button
          size="small"
          look="quiet"
          data-testid="json-copy"
          onClick={() => void copyText(useDocument.getState().doc.text)}
        >
          {t.ui.copy}
        </Button>
      </div>
      <Trouble />
      <div className="min-h-0 flex-1">
        <Suspense fallback={<p className="p-3 text-caption text-text-3">{t.tools.jsonLoading}</p>}>
          <Code />
        </Suspense>
      </div>
    </div>
  );
}
