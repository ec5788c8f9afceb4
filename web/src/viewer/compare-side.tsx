// Pictures beside each other with one zoom for all, and pictures that take turns in one place.
import { useEffect, useRef, useState } from 'react';
import clsx from 'clsx';
import { fileUrl } from '@/api/queries';
import { usePrefs } from '@/app/prefs';
import { announce } from '@/app/ui-state';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { CompareLabel, type Compared } from './compare-label';
import { actionOf, moveView } from './keys';
import { useZoom } from './use-zoom';
import { SHARP_FROM, type View } from './zoom';

type Shared = [View | null, (view: View | null) => void];

/** `lead`: its zoom is that of the keys; the others follow. */
function Pane({ one, shared, lead = false }: { one: Compared; shared: Shared; lead?: boolean }) {
  const ref = useRef<HTMLDivElement>(null);
  const zoom = useZoom(ref, { picture: one, id: one.id, shared });
  const { view } = zoom;
  const latest = useRef(zoom);
  useEffect(() => {
    latest.current = zoom;
  });
  useEffect(() => {
    if (!lead) return;
    const onKey = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
      const action = actionOf(e.key, e.shiftKey, usePrefs.getState().letterKeys);
      if (typeof action === 'string' && moveView(latest.current, action)) e.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [lead]);
  return (
    <div
      ref={ref}
      data-testid="compare-pane"
      className="relative min-h-0 min-w-0 touch-none overflow-hidden bg-stage select-none"
      style={{ cursor: zoom.isFitted ? 'zoom-in' : 'grab' }}
      {...zoom.stage}
    >
      <img
        src={fileUrl(one.id)}
        alt={one.alt}
        draggable={false}
        className="absolute top-0 left-0 max-w-none origin-top-left"
        style={{
          width: one.w,
          height: one.h,
          transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
          imageRendering: view.scale > SHARP_FROM + 0.001 ? 'pixelated' : undefined,
        }}
      />
      <CompareLabel letter={one.letter} className="top-2 left-2" />
    </div>
  );
}

export function CompareSide({ list }: { list: Compared[] }) {
  const shared = useState<View | null>(null);
  return (
    <div
      className={clsx(
        'grid h-full gap-px bg-line',
        list.length === 2 && 'grid-cols-2 max-tablet:grid-cols-1 max-tablet:grid-rows-2',
        list.length === 3 && 'grid-cols-3 max-tablet:grid-cols-1 max-tablet:grid-rows-3',
        list.length === 4 && 'grid-cols-2 grid-rows-2',
      )}
    >
      {list.map((one, i) => (
        <Pane key={one.id} one={one} shared={shared} lead={i === 0} />
      ))}
    </div>
  );
}

/** Holding Space, or the button, shows the next picture in the same place. */
export function CompareBlink({ list }: { list: Compared[] }) {
  const t = useT().viewer.compare;
  const [base, setBase] = useState(0);
  const [isHeld, setHeld] = useState(false);
  const shared = useState<View | null>(null);
  const shown = list[(base + (isHeld ? 1 : 0)) % list.length];
  useEffect(() => {
    const isSpace = (e: KeyboardEvent) =>
      e.key === ' ' && !(e.target instanceof Element && e.target.closest('input, button:not([data-blink], [data-state=on])'));
    const down = (e: KeyboardEvent) => {
      if (!isSpace(e)) return;
      e.preventDefault();
      setHeld(true);
    };
    const up = (e: KeyboardEvent) => {
      if (e.key === ' ') setHeld(false);
    };
    window.addEventListener('keydown', down);
    window.addEventListener('keyup', up);
    return () => {
      window.removeEventListener('keydown', down);
      window.removeEventListener('keyup', up);
    };
  }, []);
  const letter = shown?.letter ?? '';
  useEffect(() => {
    if (letter) announce(t.shown(t.name(letter)));
  }, [letter, t]);
  if (!shown) return null;
  const letGo = () => setHeld(false);
  const hold = { onPointerDown: () => setHeld(true), onPointerUp: letGo, onPointerLeave: letGo, onPointerCancel: letGo };
  return (
    <div className="flex h-full flex-col">
      <div data-testid="compare-blink" data-shown={shown.id} className="relative grid min-h-0 flex-1">
        {list.map((one) => (
          <div key={one.id} className={clsx('absolute inset-0 grid', one.id !== shown.id && 'invisible')}>
            <Pane one={one} shared={shared} lead={one.id === shown.id} />
          </div>
        ))}
      </div>
      <div className="flex flex-wrap items-center justify-center gap-2 border-t border-line bg-surface px-3 py-2">
        {list.map((one, i) => (
          <Button key={one.id} pressed={i === base} onClick={() => setBase(i)}>
            {t.name(one.letter)}
          </Button>
        ))}
        <Button data-blink {...hold}>
          {t.blinkHold}
        </Button>
        <span className="text-caption text-text-3 max-tablet:hidden">{t.blinkHint}</span>
      </div>
    </div>
  );
}
