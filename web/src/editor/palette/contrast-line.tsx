// Whether the letters of a text element stand out from what lies under them, with the way on.
import clsx from 'clsx';
import { TriangleAlert } from 'lucide-react';
import { useRef } from 'react';
import type { Element } from '@/document/caption';
import { useCaption } from '@/document/store';
import { number } from '@/lib/format';
import { Button } from '@/ui/button';
import { legibility, readable } from './contrast';
import { usePaletteWords } from './words';

export interface ContrastLineProps {
  element: Element;
  onUse: (colour: string) => void; // as the colour of the letters
  isQuiet?: boolean; // says nothing where there is nothing to say
}

export function ContrastLine({ element, onUse, isQuiet }: ContrastLineProps) {
  const t = usePaletteWords();
  const caption = useCaption();
  const line = useRef<HTMLDivElement>(null);
  const found = legibility(element, caption);
  if (!found) return isQuiet ? null : <p className="text-caption text-text-3">{t.unknown}</p>;
  const { letters, ground, ratio, level } = found;
  const better = level === 'good' ? null : readable(ground, caption.palette);
  // The button goes once it has done its work: the line takes the focus.
  const use = (colour: string) => {
    onUse(colour);
    requestAnimationFrame(() => document.activeElement === document.body && line.current?.focus());
  };
  return (
    <div ref={line} tabIndex={-1} data-testid="contrast" data-level={level} className="flex flex-wrap items-center gap-2 text-caption">
      <svg aria-hidden viewBox="0 0 36 24" className="h-6 w-9 shrink-0 forced-color-adjust-none rounded-thumb border border-line-strong" style={{ background: ground }}>
        <text x={18} y={17} textAnchor="middle" fontSize={14} fontWeight={600} fill={letters}>
          Aa
        </text>
      </svg>
      <span className="sr-only">{t.onGround(letters, ground)}</span>
      <span className={clsx('flex flex-1 items-center gap-1', level === 'weak' ? 'text-warn' : 'text-text-2')}>
        {level === 'weak' && <TriangleAlert size={12} aria-hidden />}
        <span className="num">{t.ratio(number(ratio, 1))}</span>
        <span>{t.levels[level]}</span>
      </span>
      {better && better !== letters && (
        <Button size="small" look="quiet" onClick={() => use(better)}>
          <span aria-hidden className="size-3 forced-color-adjust-none rounded-thumb border border-line-strong" style={{ background: better }} />
          {t.use(better)}
        </Button>
      )}
    </div>
  );
}
