// The layout without a picture: its boxes in outline, or only the size that will be drawn.
import type { Element } from '@/document/caption';
import { colourOf, firstWords } from '@/editor/layout/names';
import { styleOf } from '@/editor/layout/style';
import { useT } from '@/i18n';

export function Wireframe({ elements, label }: { elements: readonly Element[]; label: string }) {
  const t = useT().layout;
  const placed = elements.filter((e) => e.box);
  return (
    <div aria-hidden className="absolute inset-0 border border-line-strong/40">
      {placed.map((e) => (
        <div
          key={e.index}
          style={{ ...styleOf(e.box!), borderColor: colourOf(e.index), backgroundColor: colourOf(e.index, 0.08) }}
          className="absolute flex items-center justify-center overflow-hidden border border-dashed p-1 text-center text-caption text-text-2"
        >
          <span className="line-clamp-2">{firstWords(e, t)}</span>
        </div>
      ))}
      {placed.length === 0 && (
        <span className="num absolute inset-0 flex items-center justify-center text-caption text-text-3">{label}</span>
      )}
    </div>
  );
}
