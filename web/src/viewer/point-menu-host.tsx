// Draws the menu that was asked for at a point, above whatever is open.
import { useQuery } from '@tanstack/react-query';
import { itemQuery } from '@/api/queries';
import type { Item } from '@/api/types';
import { LayerContext, useTopLayer } from '@/ui/layer';
import type { MenuItem } from '@/ui/menu';
import { MenuAt } from '@/ui/menu-at';
import { useImageGroups, withLines, type Special } from './actions';
import { usePointMenu } from './point-menu';

/** The span that the menu hangs on takes no focus: it goes back to where it was. */
function close(): void {
  const from = usePointMenu.getState().open?.from;
  usePointMenu.setState({ open: null });
  requestAnimationFrame(() => {
    const active = document.activeElement;
    if ((!active || active === document.body) && from?.isConnected) from.focus({ preventScroll: true });
  });
}

function OfItem({ item, special, at }: { item: Item; special?: Special; at: { x: number; y: number } }) {
  const groups = useImageGroups(item, special);
  return <MenuAt at={at} items={withLines(groups)} onClose={close} />;
}

function OfId({ id, ...rest }: { id: number; special?: Special; at: { x: number; y: number } }) {
  const { data } = useQuery(itemQuery(id));
  return data ? <OfItem item={data} {...rest} /> : null;
}

export function PointMenuHost() {
  const open = usePointMenu((s) => s.open);
  const layer = useTopLayer();
  if (!open) return null;
  const { subject, x, y } = open;
  const at = { x, y };
  return (
    <LayerContext value={layer}>
      {'items' in subject ? (
        <MenuAt at={at} items={subject.items satisfies (MenuItem | null)[]} onClose={close} />
      ) : typeof subject.picture === 'number' ? (
        <OfId id={subject.picture} special={subject.special} at={at} />
      ) : (
        <OfItem item={subject.picture} special={subject.special} at={at} />
      )}
    </LayerContext>
  );
}
