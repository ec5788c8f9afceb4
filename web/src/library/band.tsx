// One band of the grid: a day's heading, a row of pictures, or room for pictures to come.
import { memo } from 'react';
import type { Item } from '@/api/types';
import { day } from '@/lib/format';
import { useT } from '@/i18n';
import { Card } from './card';
import { dateOfDay } from './days';
import { GAP, type Band } from './layout';
import { isSelected, type Selection } from './selection';

export interface BandProps {
  band: Band;
  rowIndex: number;
  items: Item[];
  selection: Selection;
  isSelecting: boolean;
  hoverId: number | null;
  focusId: number | null;
  tabStop: number | null;
}

export const BandView = memo(function BandView(p: BandProps) {
  const t = useT();
  const { band } = p;
  const style = { transform: `translateY(${band.y}px)`, height: band.h };
  if (band.kind === 'day') {
    return (
      <div role="row" aria-rowindex={p.rowIndex} style={style} className="absolute inset-x-0 top-0 flex items-end pb-2">
        <span role="rowheader" className="text-control font-medium text-text-2">
          {day(dateOfDay(band.key.slice(1)), t.ui.today, t.ui.yesterday)}
        </span>
      </div>
    );
  }
  if (band.kind === 'blank') {
    return (
      <div style={{ ...style, gap: GAP }} aria-hidden className="absolute inset-x-0 top-0 flex">
        {Array.from({ length: band.to - band.from }, (_, i) => (
          <span key={band.from + i} className="h-full flex-1 bg-sunken" />
        ))}
      </div>
    );
  }
  return (
    <div
      role="row"
      aria-rowindex={p.rowIndex}
      style={{ ...style, gap: GAP }}
      className="absolute inset-x-0 top-0 flex"
    >
      {band.widths.map((width, i) => {
        const item = p.items[band.from + i];
        return (
          item && (
            <Card
              key={item.id}
              item={item}
              width={width}
              height={band.h}
              isSelected={isSelected(p.selection, item.id)}
              isSelecting={p.isSelecting}
              isActive={p.hoverId === item.id || p.focusId === item.id}
              isTabStop={p.tabStop === item.id}
            />
          )
        );
      })}
    </div>
  );
});
