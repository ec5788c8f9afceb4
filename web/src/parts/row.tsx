// One saved part: what it looks like, its name, and what can be done with it.
import { Ellipsis, Pencil, Trash2 } from 'lucide-react';
import { useRef, useState } from 'react';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { inputLook } from '@/ui/field';
import { Menu } from '@/ui/menu';
import { detail, Preview } from './preview';
import { NAME_MAX, renamePart, type Part } from './store';
import { usePartWords } from './words';

export interface RowProps {
  part: Part;
  isLocked: boolean;
  onUse: () => void;
  onRemove: () => void;
}

export function Row({ part, isLocked, onUse, onRemove }: RowProps) {
  const all = useT();
  const t = usePartWords();
  const [name, setName] = useState<string | null>(null);
  const row = useRef<HTMLLIElement>(null);
  const shown = part.name.trim() === '' ? t.unnamed : part.name;
  const takesPlace = part.kind !== 'element';
  const settle = () => {
    if (name !== null && name.trim() !== '' && name !== part.name) renamePart(part, name.trim());
    setName(null);
  };
  const end = () => {
    settle();
    requestAnimationFrame(() => row.current?.querySelector<HTMLElement>('[aria-haspopup]')?.focus());
  };
  return (
    <li ref={row} data-testid="part" data-name={part.name} className="flex items-center gap-3 py-2">
      <span className="size-11 shrink-0">
        <Preview part={part} />
      </span>
      <span className="flex min-w-0 flex-1 flex-col">
        {name === null ? (
          <span className="truncate text-control font-medium">{shown}</span>
        ) : (
          <input
            aria-label={t.name}
            // oxlint-disable-next-line jsx-a11y/no-autofocus -- its menu item was chosen
            autoFocus
            maxLength={NAME_MAX}
            autoComplete="off"
            className={`${inputLook} h-7 pointer-coarse:h-11`}
            value={name}
            onFocus={(e) => e.target.select()}
            onChange={(e) => setName(e.target.value)}
            onBlur={settle}
            onKeyDown={(e) => {
              if (e.key === 'Enter') end();
              if (e.key !== 'Escape') return;
              e.stopPropagation();
              e.preventDefault();
              setName(null);
              requestAnimationFrame(() => row.current?.querySelector<HTMLElement>('[aria-haspopup]')?.focus());
            }}
          />
        )}
        <span className="truncate text-caption text-text-3">{detail(part, t, all)}</span>
      </span>
      <Button
        size="small"
        data-use
        disabled={isLocked}
        aria-label={takesPlace ? t.useLong(shown) : t.insertLong(shown)}
        onClick={onUse}
      >
        {takesPlace ? t.use : t.insert}
      </Button>
      <Menu
        trigger={
          <IconButton size="small" label={t.more(shown)}>
            <Ellipsis size={14} />
          </IconButton>
        }
        items={[
          // The menu gives the focus back first.
          { label: t.rename, icon: <Pencil size={14} />, run: () => setTimeout(() => setName(part.name)) },
          { label: all.editor.remove, icon: <Trash2 size={14} />, isBad: true, run: onRemove },
        ]}
      />
    </li>
  );
}
