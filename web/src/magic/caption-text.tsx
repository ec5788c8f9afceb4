// The caption as it stands, folded, for a look and to copy.
import { ChevronRight, Copy } from 'lucide-react';
import { useCaption, useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { IconButton } from '@/ui/button';

export function CaptionText() {
  const words = useT();
  const t = words.magic;
  const text = useDocument((s) => s.doc.text);
  const { hld } = useCaption();
  return (
    <details className="group rounded-control border border-line">
      <summary className="flex h-8 items-center gap-2 px-2.5 text-control text-text-2 hover:text-text pointer-coarse:h-11">
        <ChevronRight size={14} aria-hidden className="text-text-3 transition-transform group-open:rotate-90" />
        {t.caption}
        {hld.trim() !== '' && <span className="rounded-thumb bg-ok-soft px-1.5 text-micro font-medium text-ok">{t.captionReady}</span>}
      </summary>
      <div className="relative border-t border-line">
        <pre className="num scroll-thin max-h-60 overflow-auto bg-sunken p-2.5 pe-9 text-micro whitespace-pre-wrap break-words">{text}</pre>
        <IconButton size="small" className="absolute top-1 end-1" label={words.ui.copy} onClick={() => void copyText(text)}>
          <Copy size={14} />
        </IconButton>
      </div>
    </details>
  );
}
