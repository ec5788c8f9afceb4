// Pictures and JSON dropped or pasted anywhere on the page. Fields that take files themselves come
// first; what they took is left alone.
import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { useT } from '@/i18n';
import { registerChooser } from './choose';
import { takeEarly } from './early';
import { useImport } from './state';

const ImportSheet = lazy(() => import('./sheet'));

async function openFile(file: File): Promise<void> {
  const { openFile: open } = await import('./open-import');
  await open(file);
}

const isEditable = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('input, textarea, select, [contenteditable=true]') !== null;

const carriesFiles = (e: DragEvent): boolean => e.dataTransfer?.types.includes('Files') ?? false;

function useDrops(): boolean {
  const [isOver, setOver] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    const over = (e: DragEvent) => {
      if (!carriesFiles(e)) return;
      if (!e.defaultPrevented) {
        e.preventDefault();
        if (e.dataTransfer) e.dataTransfer.dropEffect = 'copy';
        setOver(true);
      } else setOver(false);
      clearTimeout(timer.current); // leaving is told unreliably: silence means that it left
      timer.current = setTimeout(() => setOver(false), 300);
    };
    const drop = (e: DragEvent) => {
      setOver(false);
      const file = e.dataTransfer?.files[0];
      if (e.defaultPrevented || !file) return;
      e.preventDefault();
      void openFile(file);
    };
    const paste = (e: ClipboardEvent) => {
      if (e.defaultPrevented) return;
      const file = e.clipboardData?.files[0];
      const text = e.clipboardData?.getData('text/plain') ?? '';
      if (file && text === '') {
        e.preventDefault();
        void openFile(file);
      } else if (!isEditable(e.target) && text.includes('{')) {
        void import('./open-import').then(({ openText }) => openText(text));
      }
    };
    const early = takeEarly();
    if (early) void openFile(early);
    window.addEventListener('dragover', over);
    window.addEventListener('drop', drop);
    window.addEventListener('paste', paste);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('drop', drop);
      window.removeEventListener('paste', paste);
      clearTimeout(timer.current);
    };
  }, []);
  return isOver;
}

export function ImportLayer() {
  const t = useT().tools.import;
  const isOver = useDrops();
  const isOffered = useImport((s) => s.offered !== null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => registerChooser(() => input.current?.click()), []);
  return (
    <>
      {isOver && (
        <div className="pointer-events-none fixed inset-0 z-60 flex items-center justify-center border-2 border-accent bg-accent-soft/80 text-title font-semibold text-accent">
          {t.drop}
        </div>
      )}
      <input
        ref={input}
        type="file"
        hidden
        aria-label={t.choose}
        data-testid="import-input"
        accept="image/png,image/webp,image/jpeg,application/json,.json,.txt"
        onChange={(e) => {
          const file = e.target.files?.[0];
          e.target.value = '';
          if (file) void openFile(file);
        }}
      />
      {isOffered && (
        <Suspense fallback={null}>
          <ImportSheet />
        </Suspense>
      )}
    </>
  );
}
