// One box: a place on the canvas that can be focused and named. It follows a gesture by itself, so
// that nothing else is drawn again while one drags.
import clsx from 'clsx';
import { CircleAlert, Lock, TriangleAlert } from 'lucide-react';
import { memo } from 'react';
import type { Element } from '@/document/caption';
import { useT } from '@/i18n';
import { boxName, colourOf, firstWords } from './names';
import { useCanvas } from './state';
import { styleOf } from './style';

interface Props {
  element: Element;
  isSelected: boolean;
  isLocked: boolean;
  isLive: boolean; // can be used; else only shown
  level: 'error' | 'warning' | undefined; // what the check says of it
  onFocus: (index: number) => void;
}

export const BoxView = memo(function BoxView({ element, isSelected, isLocked, isLive, level, onFocus }: Props) {
  const { layout: t, lint } = useT();
  const Mark = level === 'error' ? CircleAlert : TriangleAlert;
  const { index } = element;
  const box = useCanvas((s) => s.live.boxes[index]) ?? element.box;
  if (!box) return null;
  return (
    <div
      role="option"
      id={`box-${index}`}
      aria-selected={isSelected}
      aria-label={[boxName(element, t, box), isLocked && t.locked, level && lint.levels[level]].filter(Boolean).join(', ')}
      tabIndex={isLive ? 0 : -1}
      data-testid="box"
      data-index={index}
      data-bbox={box.join(',')}
      data-level={level}
      onFocus={(e) => e.target === e.currentTarget && onFocus(index)}
      style={{ ...styleOf(box), borderColor: colourOf(index), backgroundColor: colourOf(index, isSelected ? 0.16 : 0.08) }}
      className={clsx(
        'absolute touch-none border-2 outline outline-[rgb(0_0_0/0.7)] select-none',
        'shadow-[inset_0_0_0_1px_rgb(255_255_255/0.75)] focus-visible:outline-2 focus-visible:outline-accent',
        isSelected && 'border-[3px]',
        isLocked && 'border-dashed',
        isLive && !isLocked && 'cursor-move',
      )}
    >
      <span
        aria-hidden
        data-number={index + 1} // drawn by style: the name says the words, not the number
        style={{ backgroundColor: colourOf(index) }}
        className="num pointer-events-none before:content-[attr(data-number)] absolute top-0 left-0 flex max-w-full items-center gap-1 overflow-hidden px-1 text-micro font-medium whitespace-nowrap text-[#000]"
      >
        <span className="truncate font-sans">{firstWords(element, t)}</span>
        {isLocked && <Lock size={10} className="shrink-0" />}
        {level && <Mark size={12} className="shrink-0" />}
      </span>
    </div>
  );
});
