// One element: what it is, its words, its box, its colours.
import clsx from 'clsx';
import { ArrowDown, ArrowUp, Copy, Trash2 } from 'lucide-react';
import { memo, useState } from 'react';
import { setUi } from '@/app/ui-state';
import { ELEMENT_PALETTE_MAX, elementPath, put, putBox, type Element } from '@/document/caption';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { TextArea } from '@/ui/field';
import { colourOf } from '../layout/names';
import { LintMark } from '../lint/mark';
import { PaletteField } from '../palette/palette-field';
import { BoxFields } from './box-fields';
import { putElementPalette, putKind } from './edits';

export type CardAction = 'up' | 'down' | 'duplicate' | 'remove';

export interface ElementCardProps {
  element: Element;
  count: number;
  isSelected: boolean;
  onAct: (action: CardAction, index: number) => void;
}

function Card({ element: e, count, isSelected, onAct }: ElementCardProps) {
  const t = useT().editor;
  const edit = useDocument((s) => s.edit);
  const { index } = e;
  const [words, setWords] = useState(''); // come back when an object becomes a text again
  const act = (action: CardAction) => () => onAct(action, index);
  return (
    <li
      data-testid="element-card"
      data-index={index}
      aria-label={t.element(index + 1)}
      onFocus={() => !isSelected && setUi({ selection: [index] })}
      className={clsx('relative flex flex-col gap-2 border-t border-line py-3 pe-4 ps-4', isSelected && 'bg-accent-soft/40')}
    >
      {isSelected && <span aria-hidden className="absolute inset-y-0 start-0 w-0.5 bg-accent" />}
      <div className="flex items-center gap-1.5">
        <span
          aria-hidden
          className="num flex h-5 min-w-5 items-center justify-center rounded-thumb px-1 text-micro font-semibold"
          style={{ background: colourOf(index), color: 'oklch(15% 0 0)' }}
        >
          {index + 1}
        </span>
        <select
          aria-label={t.elementKind}
          data-testid="element-kind"
          className="h-7 rounded-control bg-transparent pe-1 text-control font-medium hover:bg-sunken pointer-coarse:h-11"
          value={e.kind}
          onChange={(event) => {
            const kind = event.target.value === 'text' ? 'text' : 'obj';
            if (kind === 'obj') setWords(e.text);
            edit('elementKind', putKind(index, kind, words));
          }}
        >
          <option value="obj">{t.elementKinds.obj}</option>
          <option value="text">{t.elementKinds.text}</option>
        </select>
        <LintMark path={elementPath(index)} inside />
        <span className="flex-1" />
        <IconButton size="small" data-act="up" label={t.moveUp} disabled={index === 0} onClick={act('up')}>
          <ArrowUp size={14} />
        </IconButton>
        <IconButton size="small" data-act="down" label={t.moveDown} disabled={index === count - 1} onClick={act('down')}>
          <ArrowDown size={14} />
        </IconButton>
        <IconButton size="small" data-act="duplicate" label={t.duplicate} onClick={act('duplicate')}>
          <Copy size={14} />
        </IconButton>
        <IconButton size="small" data-act="remove" label={t.remove} onClick={act('remove')}>
          <Trash2 size={14} />
        </IconButton>
      </div>
      {e.kind === 'text' && (
        <TextArea
          label={t.words}
          hideLabel
          rows={1}
          placeholder={t.wordsExample}
          data-testid="element-text"
          inputClassName="min-h-8! font-medium"
          value={e.text}
          onChange={(event) => edit('elementText', put(elementPath(index, 'text'), event.target.value), `text ${index}`)}
        />
      )}
      <TextArea
        label={t.elementDescription}
        hideLabel
        rows={1}
        placeholder={e.kind === 'text' ? t.textExample : t.objectExample}
        data-testid="element-desc"
        inputClassName="min-h-8!"
        value={e.desc}
        onChange={(event) => edit('elementDesc', put(elementPath(index, 'desc'), event.target.value), `desc ${index}`)}
      />
      <BoxFields box={e.box} isBroken={e.boxIsBroken} onChange={(box) => edit('box', putBox(index, box), `box ${index}`)} />
      <PaletteField
        compact
        colours={e.palette}
        most={ELEMENT_PALETTE_MAX}
        path={[...elementPath(index), 'color_palette']}
        onChange={(colours) => edit('elementPalette', putElementPalette(index, colours))}
      />
    </li>
  );
}

const same = (a: Element, b: Element): boolean => JSON.stringify(a) === JSON.stringify(b);

export const ElementCard = memo(
  Card,
  (a, b) => a.count === b.count && a.isSelected === b.isSelected && a.onAct === b.onAct && same(a.element, b.element),
);
