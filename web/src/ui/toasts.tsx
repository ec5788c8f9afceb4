// Short messages at the edge. They take no focus, stay 6 s (12 s with an action) and wait while
// somebody looks at them. Never the only place of an error.
import clsx from 'clsx';
import { X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';
import { create } from 'zustand';
import { newId } from '@/lib/ids';
import { useT } from '@/i18n';
import { Button, IconButton } from './button';
import { useTopLayer } from './layer';

export interface Toast {
  kind: 'info' | 'ok' | 'bad';
  text: string;
  group?: string; // a newer toast of the group takes the place of the older one
  action?: { label: string; run: () => void };
}
interface Shown extends Toast {
  id: string;
}

const SHOWN_MAX = 3;
const SECONDS = 6;
const ACTION_SECONDS = 12;

const useToasts = create<{ list: Shown[] }>()(() => ({ list: [] }));

export function toast(message: Toast): void {
  useToasts.setState((s) => ({
    list: [...s.list.filter((x) => !message.group || x.group !== message.group), { ...message, id: newId() }].slice(
      -SHOWN_MAX,
    ),
  }));
}

function drop(id: string): void {
  useToasts.setState((s) => ({ list: s.list.filter((x) => x.id !== id) }));
}

function One({ shown }: { shown: Shown }) {
  const t = useT();
  const [isHovered, setHovered] = useState(false);
  const [hasFocus, setFocus] = useState(false);
  const held = isHovered || hasFocus;
  const seconds = shown.action ? ACTION_SECONDS : SECONDS;
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => drop(shown.id), seconds * 1000);
    return () => clearTimeout(timer);
  }, [held, seconds, shown.id]);
  return (
    <li
      data-testid="toast"
      onPointerEnter={() => setHovered(true)}
      onPointerLeave={() => setHovered(false)}
      onFocus={() => setFocus(true)}
      onBlur={() => setFocus(false)}
      className={clsx(
        'pointer-events-auto flex w-full max-w-sm items-center gap-2 rounded-panel bg-surface py-2 pe-2 ps-3 shadow-pop',
        shown.kind === 'bad' && 'border-s-2 border-bad',
        shown.kind === 'ok' && 'border-s-2 border-ok',
      )}
    >
      <p className="line-clamp-4 min-w-0 flex-1 text-control break-words">{shown.text}</p>
      {shown.action && (
        <Button
          size="small"
          onClick={() => {
            shown.action?.run();
            drop(shown.id);
          }}
        >
          {shown.action.label}
        </Button>
      )}
      <IconButton size="small" label={t.ui.dismiss} onClick={() => drop(shown.id)}>
        <X size={14} />
      </IconButton>
    </li>
  );
}

export function Toasts() {
  const t = useT();
  const list = useToasts((s) => s.list);
  const layer = useTopLayer();
  const section = (
    <section
      aria-label={t.ui.messages}
      className={clsx(
        'pointer-events-none fixed end-4 bottom-40 start-4 z-60 laptop:end-94 desk:end-100 flex justify-end max-tablet:justify-center',
        // A sheet has its buttons at the bottom.
        layer?.dataset.sheet ? 'max-tablet:top-2 max-tablet:bottom-auto' : 'max-tablet:bottom-36',
      )}
    >
      <div role="status" className="w-full max-w-sm">
        <ol className="flex flex-col gap-2">
          {list.map((shown) => (
            <One key={shown.id} shown={shown} />
          ))}
        </ol>
      </div>
    </section>
  );
  return layer ? createPortal(section, layer) : section;
}
