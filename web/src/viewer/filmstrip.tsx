// The pictures around the one that is shown. Only those near it are there, however many there are.
import clsx from 'clsx';
import { useEffect, useRef } from 'react';
import { thumbUrl } from '@/api/queries';
import { useT } from '@/i18n';

const AROUND = 32; // enough to fill a wide window from either end

export function Filmstrip({ ids, index, onIndex }: { ids: number[]; index: number; onIndex: (index: number) => void }) {
  const t = useT().viewer;
  const ref = useRef<HTMLUListElement>(null);
  const from = Math.max(0, index - AROUND);
  const near = ids.slice(from, index + AROUND + 1);
  useEffect(() => {
    const list = ref.current;
    const now = list?.querySelector<HTMLElement>('[aria-current="true"]');
    if (list && now) list.scrollLeft = now.offsetLeft - list.clientWidth / 2 + now.clientWidth / 2;
  }, [index, ids.length]);
  if (ids.length < 2) return null;
  return (
    <nav aria-label={t.filmstrip} className="col-span-3 min-w-0 border-t border-line bg-surface tablet:pb-[env(safe-area-inset-bottom)]">
      <ul ref={ref} className="scroll-thin relative flex justify-center-safe gap-1 overflow-x-auto px-2 py-2">
        {near.map((id, i) => {
          const isNow = from + i === index;
          return (
            <li key={id} className="shrink-0">
              <button
                type="button"
                tabIndex={isNow ? 0 : -1}
                aria-label={t.open(from + i + 1)}
                aria-current={isNow ? 'true' : undefined}
                onClick={() => onIndex(from + i)}
                className={clsx(
                  'block size-12 overflow-hidden rounded-thumb bg-sunken',
                  isNow ? 'outline-2 outline-offset-1 outline-accent' : 'opacity-75 hover:opacity-100',
                )}
              >
                <img src={thumbUrl(id, 160)} alt="" loading="lazy" draggable={false} className="size-full object-cover" />
              </button>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
