// The elements as a list. The selection is that of the canvas.
import { Plus } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { announce, setUi, useUi } from '@/app/ui-state';
import { ELEMENTS, addElement, moveElement, removeElement } from '@/document/caption';
import { useCaption, useDocument } from '@/document/store';
import { words, useT } from '@/i18n';
import { Button } from '@/ui/button';
import { LintMark } from '../lint/mark';
import { Section } from '../section';
import { duplicate } from './edits';
import { ElementCard, type CardAction } from './element-card';
import { useElementKeys } from './use-element-keys';

/** Where the focus goes once the list shows the change. */
interface Later {
  index: number;
  selector: string;
}

function useFocusLater() {
  const list = useRef<HTMLDivElement>(null);
  const [later, focusLater] = useState<Later | null>(null);
  useEffect(() => {
    if (!later) return;
    const card = list.current?.querySelector(`[data-testid="element-card"][data-index="${later.index}"]`);
    const places = [later.selector, '[data-act="remove"]'];
    const target =
      places.map((s) => card?.querySelector<HTMLElement>(`${s}:not(:disabled)`)).find(Boolean) ??
      list.current?.querySelector<HTMLElement>('[data-add-element]');
    target?.focus();
    card?.scrollIntoView({ block: 'nearest' });
  }, [later]);
  return { list, focusLater };
}

export function Elements() {
  const t = useT().editor;
  const { elements } = useCaption();
  const edit = useDocument((s) => s.edit);
  const selection = useUi((s) => s.selection);
  const [keys, names] = useElementKeys(elements.length);
  const { list, focusLater } = useFocusLater();

  const act = useCallback(
    (action: CardAction, index: number) => {
      const count = useDocument.getState().good.caption.elements.length;
      const say = words().editor;
      if (action === 'up' || action === 'down') {
        const to = index + (action === 'up' ? -1 : 1);
        names.moved(index, to);
        focusLater({ index: to, selector: `[data-act="${action}"]` });
        setUi({ selection: [to] });
        edit('moveElement', moveElement(index, to));
        announce(say.moved(to + 1, count));
      } else if (action === 'duplicate') {
        names.inserted(index + 1);
        focusLater({ index: index + 1, selector: '[data-testid="element-desc"]' });
        setUi({ selection: [index + 1] });
        edit('duplicateElement', duplicate(index));
      } else {
        const next = Math.min(index, count - 2);
        names.removed(index);
        focusLater({ index: next, selector: '[data-act="remove"]' });
        setUi({ selection: next < 0 ? [] : [next] });
        edit('removeElement', removeElement(index));
        announce(say.removed(index + 1));
      }
    },
    [edit, names, focusLater],
  );
  const add = (kind: 'obj' | 'text') => {
    focusLater({ index: elements.length, selector: `[data-testid="element-${kind === 'text' ? 'text' : 'desc'}"]` });
    setUi({ selection: [elements.length] });
    edit('addElement', addElement(kind, null));
  };

  return (
    <Section
      title={t.elements}
      className="px-0! pb-0!"
      titleClassName="px-4"
      aside={
        <>
          <span className="num text-caption text-text-3">{elements.length > 0 ? elements.length : ''}</span>
          <LintMark path={ELEMENTS} />
        </>
      }
    >
      <div ref={list}>
        {elements.length === 0 && <p className="px-4 pb-1 text-control text-text-3">{t.noElements}</p>}
        <ol aria-label={t.elements}>
          {elements.map((element, i) => (
            <ElementCard
              key={keys[i]}
              element={element}
              count={elements.length}
              isSelected={selection.includes(i)}
              onAct={act}
            />
          ))}
        </ol>
        <div className={`flex gap-2 px-4 py-3 ${elements.length > 0 ? 'border-t border-line' : ''}`}>
          <Button data-add-element className="flex-1" icon={<Plus size={14} />} aria-label={t.addObjectLong} data-testid="element-add" onClick={() => add('obj')}>
            {t.addObject}
          </Button>
          <Button className="flex-1" icon={<Plus size={14} />} aria-label={t.addTextLong} data-testid="element-add-text" onClick={() => add('text')}>
            {t.addText}
          </Button>
        </div>
      </div>
    </Section>
  );
}
