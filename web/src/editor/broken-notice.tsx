// While the JSON text is none: what that means here, and the ways on.
import { setPrefs, usePrefs } from '@/app/prefs';
import { useDocument, useTextError } from '@/document/store';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';

/** This notice goes with its buttons. */
function focusTab(mode: string): void {
  document.querySelector<HTMLElement>(`[data-testid="mode-${mode}"]`)?.focus();
}

export function BrokenNotice() {
  const t = useT().editor;
  const error = useTextError();
  const mode = usePrefs((s) => s.mode);
  if (!error || mode === 'json') return null;
  return (
    <div role="alert" className="border-b border-line bg-warn-soft px-4 py-2.5 text-control">
      <p className="text-text">{t.broken(error.line, error.column)}</p>
      <div className="mt-2 flex gap-2">
        <Button size="small" onClick={() => {
            setPrefs({ mode: 'json' });
            focusTab('json');
          }}>
          {t.openJson}
        </Button>
        <Button size="small" onClick={() => {
            useDocument.getState().revert();
            focusTab(mode);
          }}>
          {t.revert}
        </Button>
      </div>
    </div>
  );
}
