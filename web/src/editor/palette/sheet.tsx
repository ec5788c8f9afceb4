// What takes more room than a menu: harmonies, contrast, saved palettes; with the palette above.
import { useState } from 'react';
import { announce } from '@/app/ui-state';
import { useT } from '@/i18n';
import { paletteCandidate } from '@/parts/kinds';
import { PartList } from '@/parts/part-list';
import { Strip } from '@/parts/strip';
import { Dialog } from '@/ui/dialog';
import { Segmented } from '@/ui/segmented';
import { Contrasts } from './contrasts';
import { Harmonies } from './harmonies';
import { usePaletteWords } from './words';

export type PaletteTab = 'harmony' | 'contrast' | 'saved';
const TABS: PaletteTab[] = ['harmony', 'contrast', 'saved'];

export interface PaletteSheetProps {
  tab: PaletteTab;
  colours: string[];
  most: number;
  onChange: (colours: string[]) => void;
  onClose: () => void;
}

export function PaletteSheet({ tab: first, colours, most, onChange, onClose }: PaletteSheetProps) {
  const t = usePaletteWords();
  const e = useT().editor;
  const [tab, setTab] = useState(first);
  return (
    <Dialog title={t.title} sheet onClose={onClose} data-testid="palette-sheet">
      <div className="flex min-h-112 flex-col gap-3 max-tablet:min-h-[66dvh]">
        {colours.length > 0 ? (
          <div className="flex items-center gap-2">
            <Strip colours={colours} className="h-8 flex-1" />
            <span className="num text-caption text-text-3">{e.paletteOf(colours.length, most)}</span>
          </div>
        ) : (
          <p className="text-control text-text-3">{t.none}</p>
        )}
        <Segmented
          label={t.title}
          value={tab}
          choices={TABS.map((value) => ({ value, label: t.tabs[value], testId: `palette-tab-${value}` }))}
          onChange={setTab}
        />
        {tab === 'harmony' && <Harmonies colours={colours} most={most} onAdd={(list) => onChange([...colours, ...list])} />}
        {tab === 'contrast' && <Contrasts />}
        {tab === 'saved' && (
          <PartList
            kind="palette"
            candidate={paletteCandidate(colours)}
            isLocked={false}
            onUse={(part) => {
              if (part.kind !== 'palette') return;
              onChange(part.colours.slice(0, most));
              announce(e.paletteOf(Math.min(part.colours.length, most), most));
            }}
          />
        )}
      </div>
    </Dialog>
  );
}
