// Somebody put a whole caption where a sentence is expected: offer to open it.
import { useMemo } from 'react';
import { useDocument } from '@/document/store';
import { findCaption } from '@/import/forgiving';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';

export function PastedCaption({ text, onUsed }: { text: string; onUsed: () => void }) {
  const t = useT().magic;
  const caption = useMemo(() => {
    if (!text.includes('{') || !text.includes('"')) return null;
    const search = findCaption(text);
    return 'found' in search ? search.found.text : null;
  }, [text]);
  if (caption === null) return null;
  return (
    <div role="status" className="flex flex-wrap items-center gap-2 rounded-control bg-accent-soft px-2.5 py-2">
      <p className="flex-1 text-control">{t.pasted}</p>
      <Button
        size="small"
        data-testid="quick-open-caption"
        onClick={() => {
          const { doc, replace } = useDocument.getState();
          replace('paste', { ...doc, text: caption });
          onUsed();
        }}
      >
        {t.pastedUse}
      </Button>
    </div>
  );
}
