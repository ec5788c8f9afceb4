// All text elements of the picture against what lies under them.
import { ELEMENT_PALETTE_MAX } from '@/document/caption';
import { useCaption, useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { putElementPalette } from '../elements/edits';
import { firstWords } from '../layout/names';
import { ContrastLine } from './contrast-line';
import { limited } from './list';
import { usePaletteWords } from './words';

export function Contrasts() {
  const all = useT();
  const t = usePaletteWords();
  const edit = useDocument((s) => s.edit);
  const texts = useCaption().elements.filter((e) => e.kind === 'text');
  if (texts.length === 0) return <p className="py-6 text-center text-control text-text-3">{t.noTexts}</p>;
  return (
    <div className="flex flex-col gap-3">
      <ul className="divide-y divide-line border-y border-line">
        {texts.map((e) => (
          <li key={e.index} className="flex flex-col gap-1 py-2">
            <span className="truncate text-control font-medium">{firstWords(e, all.layout)}</span>
            <ContrastLine
              element={e}
              onUse={(colour) =>
                edit('elementPalette', putElementPalette(e.index, limited([colour, ...e.palette], ELEMENT_PALETTE_MAX).colours))
              }
            />
          </li>
        ))}
      </ul>
      <p className="text-caption text-text-3">{t.contrastNote}</p>
    </div>
  );
}
