// The actions of a picture as a menu at a button (where one right-clicks: point-menu.ts).
import { Ellipsis } from 'lucide-react';
import clsx from 'clsx';
import type { Item } from '@/api/types';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
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
