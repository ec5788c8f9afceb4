// Writing into a box where it stands: the text of a text element, the description of an object.
import { useEffect, useRef, useState } from 'react';
import type { Element } from '@/document/caption';
import { useT } from '@/i18n';
import * as act from './actions';
import { boxName } from './names';
import { setCanvas } from './state';
import { styleOf } from './style';

export function InPlace({ element, onDone }: { element: Element; onDone: () => void }) {
  const t = useT().layout;
  const key = element.kind === 'text' ? 'text' : 'desc';
  const [typed, setTyped] = useState(element[key]);
  const area = useRef<HTMLTextAreaElement>(null);
  const left = useRef(false);
  useEffect(() => area.current?.select(), []);
  if (!element.box) return null;
  const place = styleOf(element.box);
  const leave = (keep: boolean) => {
    if (left.current) return;
    left.current = true;
    if (keep && typed !== element[key]) act.write(element.index, key, typed);
    setCanvas({ editing: null });
    onDone();
  };
  return (
    <textarea
      ref={area}
      // oxlint-disable-next-line jsx-a11y/no-autofocus -- opened by a double-click or Enter to write
      autoFocus
      aria-label={t.editInPlace(boxName(element, t))}
      data-testid="in-place"
      value={typed}
      style={{ ...place, top: `min(${place.top}, 100% - 48px)`, left: `min(${place.left}, 100% - 160px)` }}
      className="absolute z-10 min-h-[48px] min-w-[160px] resize-none rounded-thumb bg-surface p-2 text-body text-text shadow-pop"
      onChange={(e) => setTyped(e.target.value)}
      onBlur={() => leave(true)}
      onKeyDown={(e) => {
        e.stopPropagation();
        if (e.key === 'Escape') leave(false);
        else if (e.key === 'Enter' && (!e.shiftKey || e.ctrlKey)) {
          e.preventDefault();
          leave(true);
        }
      }}
    />
  );
}
