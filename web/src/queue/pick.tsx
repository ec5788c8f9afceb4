// The box that selects a row of the queue. Its label lies over the whole row, so that a press
// anywhere on it selects; with Shift all from the last one.
import { useEffect, useRef } from 'react';
import { useT } from '@/i18n';
import { selectTo, setSelected, useSelecting } from './selection';

/** Jobs of the list in the order in which they stand. */
export function orderIn(area: Element): number[] {
  return [...area.querySelectorAll<HTMLElement>('[data-picks]')].flatMap((box) => (box.dataset.picks ?? '').split(',').map(Number));
}

export function PickBox({ ids, label }: { ids: readonly number[]; label: string }) {
  const t = useT().queue;
  const ref = useRef<HTMLInputElement>(null);
  const count = useSelecting((s) => ids.reduce((n, id) => n + (s.ids.has(id) ? 1 : 0), 0));
  const isAll = count === ids.length;
  useEffect(() => {
    if (ref.current) ref.current.indeterminate = count > 0 && !isAll;
  }, [count, isAll]);
  return (
    <label className="flex h-8 w-6 shrink-0 items-center justify-center before:absolute before:inset-0 before:z-1 pointer-coarse:h-11 pointer-coarse:w-11">
      <input
        ref={ref}
        type="checkbox"
        data-picks={ids.join(',')}
        aria-label={t.pick(label)}
        checked={isAll}
        onChange={() => {}}
        onClick={(e) => {
          const area = e.currentTarget.closest('[data-scroller]');
          const last = ids.at(-1);
          if (e.shiftKey && area && last !== undefined) selectTo(orderIn(area), last);
          else setSelected(ids, !isAll);
        }}
        className="size-4 accent-accent"
      />
    </label>
  );
}
