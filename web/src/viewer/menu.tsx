// The actions of a picture as a menu: at a button, or where one right-clicks or presses long.
import { Ellipsis } from 'lucide-react';
import { ContextMenu } from 'radix-ui';
import clsx from 'clsx';
import { useState, type ReactNode } from 'react';
import type { Item } from '@/api/types';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { useLayer } from '@/ui/layer';
import { Menu } from '@/ui/menu';
import { useImageGroups, withLines, type Special } from './actions';

interface Props extends Special {
  item: Item;
  className?: string;
  size?: 'small' | 'normal' | 'large';
}

export function ImageMenu({ item, className, size = 'small', ...special }: Props) {
  const t = useT().viewer;
  const groups = useImageGroups(item, special);
  return (
    <Menu
      items={withLines(groups)}
      trigger={
        <Button size={size} look="quiet" aria-label={t.more} className={clsx('aspect-square px-0! pointer-coarse:min-w-11', className)}>
          <Ellipsis size={16} aria-hidden />
        </Button>
      }
    />
  );
}

function Items({ item, ...special }: Props) {
  const groups = useImageGroups(item, special);
  return withLines(groups).map((entry, i) =>
    entry === null ? (
      // oxlint-disable-next-line react/no-array-index-key -- lines have no name
      <ContextMenu.Separator key={i} className="my-1 h-px bg-line" />
    ) : (
      <ContextMenu.Item
        key={entry.label}
        disabled={entry.disabled}
        onSelect={entry.run}
        className={clsx(
          'flex h-8 cursor-default items-center gap-2 rounded-control px-2 text-control outline-none',
          'data-highlighted:bg-sunken data-disabled:opacity-50 pointer-coarse:h-11',
          entry.isBad && 'text-bad',
        )}
      >
        <span className="flex-1">{entry.label}</span>
        {entry.keys && <kbd className="num text-caption text-text-3">{entry.keys}</kbd>}
      </ContextMenu.Item>
    ),
  );
}

/** The same menu by right click, long press and Shift+F10 on what it surrounds (one element). */
export function ImageContext({ children, ...props }: Props & { children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const layer = useLayer();
  return (
    <ContextMenu.Root modal={false} onOpenChange={setOpen}>
      <ContextMenu.Trigger asChild>{children}</ContextMenu.Trigger>
      <ContextMenu.Portal container={layer}>
        <ContextMenu.Content collisionPadding={8} className="scroll-thin z-50 max-h-(--radix-context-menu-content-available-height) min-w-44 overflow-y-auto rounded-panel bg-surface p-1 shadow-pop">
          {isOpen && <Items {...props} />}
        </ContextMenu.Content>
      </ContextMenu.Portal>
    </ContextMenu.Root>
  );
}
