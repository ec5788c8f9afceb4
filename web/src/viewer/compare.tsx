// Two to four pictures held against each other, over the whole window.
import { useQueries } from '@tanstack/react-query';
import { Table2, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { itemQuery } from '@/api/queries';
import { shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { LayerContext, useModal } from '@/ui/layer';
import { Segmented } from '@/ui/segmented';
import type { Compared } from './compare-label';
import { CompareBlink, CompareSide } from './compare-side';
import { CompareSlider } from './compare-slider';
import { CompareTable } from './compare-table';

type Mode = 'slider' | 'side' | 'blink';
const LETTERS = ['A', 'B', 'C', 'D'];

function Body({ list, mode }: { list: Compared[]; mode: Mode }) {
  const [left, right] = list;
  if (mode === 'slider' && left && right) return <CompareSlider left={left} right={right} />;
  return mode === 'blink' ? <CompareBlink list={list} /> : <CompareSide list={list} />;
}

export default function Compare({ ids, onClose }: { ids: number[]; onClose: () => void }) {
  const t = useT();
  const c = t.viewer.compare;
  const ref = useRef<HTMLDialogElement>(null);
  const layer = useModal(ref);
  const [mode, setMode] = useState<Mode>(ids.length === 2 ? 'slider' : 'side');
  const [table, setTable] = useState(true);
  const items = useQueries({ queries: ids.map((id) => itemQuery(id)) });
  const found = items.flatMap((q) => (q.data ? [q.data] : []));
  const list: Compared[] = found.map((item, i) => ({
    id: item.id,
    w: item.w || 1,
    h: item.h || 1,
    alt: shorten(item.title ?? (item.hld || t.viewer.noTitle)),
    letter: LETTERS[i] ?? '',
  }));
  const isLoading = items.some((q) => q.isPending);
  const shownMode = mode === 'slider' && list.length !== 2 ? 'side' : mode;
  useEffect(() => ref.current?.focus(), []);
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      aria-label={c.title}
      data-testid="compare"
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      className="m-0 size-full max-h-none max-w-none bg-stage p-0 text-text outline-none"
    >
      <LayerContext value={layer}>
        <div className="flex h-full flex-col">
          <header className="flex shrink-0 items-center gap-2 border-b border-line bg-surface px-3 py-1.5">
            <h2 className="flex-1 truncate text-body font-semibold max-tablet:sr-only">{c.title}</h2>
            <Segmented
              label={c.mode}
              value={shownMode}
              onChange={setMode}
              className="max-tablet:flex-1 [&>button]:px-3 [&>button]:whitespace-nowrap max-tablet:[&>button]:px-1"
              choices={[
                { value: 'slider', label: c.slider, testId: 'compare-mode-slider', disabled: list.length !== 2 },
                { value: 'side', label: c.side, testId: 'compare-mode-side' },
                { value: 'blink', label: c.blink, testId: 'compare-mode-blink' },
              ]}
            />
            <Button
              pressed={table}
              onClick={() => setTable(!table)}
              icon={<Table2 size={16} aria-hidden />}
              className="max-tablet:px-0!"
            >
              <span className="max-tablet:sr-only">{c.differences}</span>
            </Button>
            <IconButton label={t.ui.close} keys="Esc" onClick={onClose}>
              <X size={18} />
            </IconButton>
          </header>
          <div className="min-h-0 flex-1">
            {list.length >= 2 ? (
              <Body list={list} mode={shownMode} />
            ) : (
              <p className="flex h-full items-center justify-center p-6 text-center text-text-2">
                {isLoading ? t.ui.loading : c.need}
              </p>
            )}
          </div>
          {table && list.length >= 2 && !isLoading && (
            <section
              aria-label={c.differences}
              // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolls, so the keyboard must get there
              tabIndex={0}
              className="scroll-thin max-h-[36%] shrink-0 overflow-auto border-t border-line bg-surface"
            >
              <CompareTable list={list} />
            </section>
          )}
        </div>
      </LayerContext>
    </dialog>
  );
}
