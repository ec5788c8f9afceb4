// The layout in the inspector: the elements as layers, the selected one's fields, templates, and how
// the canvas on the stage helps.
import { useState, type ReactNode } from 'react';
import { ChevronRight, SquareDashed, Type } from 'lucide-react';
import { useCaption, useTextError } from '@/document/store';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import * as act from './actions';
import { focusBox } from './canvas';
import { ElementFields } from './element-fields';
import { Layers } from './layers';
import { CanvasOptions } from './options';
import { TemplateList } from './template-list';

const DEFAULT_BOX = [290, 290, 710, 710] as const;

/** `open` is how it begins. */
function Fold({ title, open = false, children }: { title: string; open?: boolean; children: ReactNode }) {
  const [isOpen, setOpen] = useState(open);
  return (
    <details open={isOpen} onToggle={(e) => setOpen(e.currentTarget.open)} className="group/fold border-t border-line pt-2">
      <summary className="flex h-8 list-none items-center gap-1 text-control font-medium pointer-coarse:h-11">
        <ChevronRight size={14} aria-hidden className="text-text-3 transition-transform duration-120 group-open/fold:rotate-90" />
        {title}
      </summary>
      <div className="pt-1 pb-2">{children}</div>
    </details>
  );
}

export function LayoutMode() {
  const t = useT().layout;
  const { elements } = useCaption();
  const isDisabled = useTextError() !== null;
  const add = (kind: 'obj' | 'text') => {
    const index = act.add(kind, [...DEFAULT_BOX]);
    // After it was drawn: keys go on where the new box is.
    requestAnimationFrame(() => focusBox(index));
  };
  return (
    <div className="flex flex-col gap-3 p-4">
      <div className="flex flex-wrap items-center gap-2">
        <Button data-layout-add icon={<SquareDashed size={14} />} disabled={isDisabled} onClick={() => add('obj')}>
          {t.addObject}
        </Button>
        <Button icon={<Type size={14} />} disabled={isDisabled} onClick={() => add('text')}>
          {t.addText}
        </Button>
      </div>
      <section aria-label={t.layers} className="flex flex-col gap-1">
        {elements.length > 1 && <p className="text-caption text-text-3">{t.layersNote}</p>}
        <Layers />
      </section>
      <ElementFields />
      <Fold title={t.templates} open={elements.length === 0}>
        <TemplateList />
      </Fold>
      <Fold title={t.options}>
        <CanvasOptions />
      </Fold>
    </div>
  );
}
