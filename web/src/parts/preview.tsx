// What a saved part looks like, small: its boxes, or its colours.
import { PenLine, Shapes, Type } from 'lucide-react';
import type { Words } from '@/i18n/en';
import type { parts as words } from '@/i18n/en/parts';
import { Miniature } from '@/library/miniature';
import { captionOf } from './kinds';
import type { Part } from './store';
import { Strip } from './strip';

const ICON = 16;

export function Preview({ part }: { part: Part }) {
  const caption = captionOf(part);
  const hasBox = caption.elements.some((e) => e.box);
  if (hasBox) return <Miniature caption={caption} ratio={part.kind === 'prompt' ? part.width / part.height : 1} />;
  if (caption.palette.length > 0) return <Strip colours={caption.palette} className="size-full" />;
  const Icon = part.kind !== 'element' ? PenLine : caption.elements[0]?.kind === 'text' ? Type : Shapes;
  return (
    <span className="flex size-full items-center justify-center rounded-thumb bg-sunken text-text-3">
      <Icon size={ICON} aria-hidden />
    </span>
  );
}

/** One line under the name. */
export function detail(part: Part, t: typeof words, all: Words): string {
  const caption = captionOf(part);
  const said = (texts: string[]) => texts.filter((text) => text.trim() !== '').join(' · ');
  switch (part.kind) {
    case 'prompt':
      return said([`${part.width}×${part.height}`, t.elements(caption.elements.length), caption.background]);
    case 'style':
      return said([caption.aesthetics, caption.lighting, (all.editor.media as Record<string, string>)[caption.medium] ?? caption.medium]);
    case 'element': {
      const kind = all.editor.elementKinds[caption.elements[0]?.kind ?? 'obj'];
      return said([kind, caption.elements[0]?.desc ?? '']);
    }
    case 'layout':
      return t.boxes(part.slots.length);
    case 'palette':
      return part.colours.join(' ');
  }
}
