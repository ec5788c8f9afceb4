// The selected element: what it is, what it says, where it stands.
import { useEffect, useRef } from 'react';
import { CopyPlus, SquareDashed, Trash2 } from 'lucide-react';
import { useUi } from '@/app/ui-state';
import { useCaption, useSettings, useTextError } from '@/document/store';
import { elementPath, type Box, type Element } from '@/document/caption';
import { useT } from '@/i18n';
import { useKeepFocus } from '@/lib/use-keep-focus';
import { number } from '@/lib/format';
import { Button, IconButton } from '@/ui/button';
import { NumberField, TextArea } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { LintMark } from '../lint/mark';
import * as act from './actions';
import { withEdge } from './geometry';

const EDGES = ['top', 'left', 'bottom', 'right'] as const;
const ICON = 14;

function BoxFields({ element, isDisabled }: { element: Element; isDisabled: boolean }) {
  const t = useT().layout;
  const { box, index } = element;
  if (!box) {
    return (
      <Button
        data-place
        disabled={isDisabled}
        icon={<SquareDashed size={ICON} />}
        className="self-start"
        onClick={() => act.placeBoxes({ [index]: [290, 290, 710, 710] })}
      >
        {t.placeIt}
      </Button>
    );
  }
  return <Numbers index={index} box={box} isDisabled={isDisabled} />;
}

function Numbers({ index, box, isDisabled }: { index: number; box: Box; isDisabled: boolean }) {
  const t = useT().layout;
  const { width, height } = useSettings();
  const fields = useRef<HTMLFieldSetElement>(null);
  useKeepFocus(fields, '[data-place]');
  return (
    <fieldset ref={fields} className="flex flex-col gap-1">
      <legend className="sr-only">{t.box}</legend>
      <div className="grid grid-cols-4 gap-2">
        {EDGES.map((edge, i) => (
          <NumberField
            key={edge}
            label={t[edge]}
            data-testid={`box-${edge}`}
            value={box[i as 0 | 1 | 2 | 3]}
            min={0}
            max={1000}
            step={1}
            disabled={isDisabled}
            onChange={(value) =>
              act.placeBoxes({ [index]: withEdge(box, i as 0 | 1 | 2 | 3, value) }, `edge:${index}:${edge}`)
            }
          />
        ))}
      </div>
      <div className="flex items-center justify-between">
        <span className="flex items-center gap-1">
          <span className="num text-caption text-text-3">
            {t.pixels(number(((box[3] - box[1]) * width) / 1000), number(((box[2] - box[0]) * height) / 1000))}
          </span>
          <LintMark path={elementPath(index, 'bbox')} />
        </span>
        <Button size="small" look="quiet" disabled={isDisabled} onClick={() => act.unplace(index)}>
          {t.clear}
        </Button>
      </div>
    </fieldset>
  );
}

export function ElementFields() {
  const t = useT();
  const l = t.layout;
  const { elements } = useCaption();
  const selection = useUi((s) => s.selection);
  const isDisabled = useTextError() !== null;
  const chosen = selection.filter((i) => i < elements.length);
  const element = chosen.length === 1 ? elements[chosen[0]!] : undefined;
  const top = useRef<HTMLElement>(null);
  useKeepFocus(top, '[data-layer] [aria-pressed]', '[data-layout-add]');
  const chosenText = chosen.join();
  useEffect(() => {
    // Chosen on the canvas: the fields come into view; chosen in the list, the list stays put.
    if (chosenText !== '' && document.activeElement?.closest('[data-canvas]')) top.current?.scrollIntoView({ block: 'nearest' });
  }, [chosenText]);
  if (chosen.length === 0) return null;
  return (
    <section ref={top} aria-label={element ? l.selectedOne(element.index + 1) : l.selectedMany(chosen.length)} className="flex flex-col gap-3 border-t border-line pt-3">
      <div className="flex items-center justify-between gap-2">
        <h3 className="text-control font-medium">
          {element ? l.selectedOne(element.index + 1) : l.selectedMany(chosen.length)}
        </h3>
        <div className="flex">
          <IconButton size="small" label={l.duplicate} disabled={isDisabled} onClick={() => act.duplicate(chosen)}>
            <CopyPlus size={ICON} />
          </IconButton>
          <IconButton size="small" label={t.ui.delete} disabled={isDisabled} onClick={() => act.remove(chosen)}>
            <Trash2 size={ICON} />
          </IconButton>
        </div>
      </div>
      {element && (
        <>
          <Segmented
            label={l.kind}
            value={element.kind}
            onChange={(kind) => act.changeKind(element.index, kind)}
            choices={[
              { value: 'obj', label: l.kindNames.obj, disabled: isDisabled },
              { value: 'text', label: l.kindNames.text, disabled: isDisabled },
            ]}
          />
          {element.kind === 'text' && (
            <TextArea
              label={l.text}
              data-testid="element-text"
              rows={1}
              inputClassName="min-h-8!"
              aside={<LintMark path={elementPath(element.index, 'text')} />}
              value={element.text}
              readOnly={isDisabled}
              hint={element.text.trim() === '' ? l.textMissing : undefined}
              onChange={(e) => act.write(element.index, 'text', e.target.value)}
            />
          )}
          <TextArea
            label={l.desc}
            data-testid="element-desc"
            aside={<LintMark path={elementPath(element.index, 'desc')} />}
            value={element.desc}
            readOnly={isDisabled}
            hint={element.desc.trim() === '' ? l.descMissing : undefined}
            onChange={(e) => act.write(element.index, 'desc', e.target.value)}
          />
          <BoxFields element={element} isDisabled={isDisabled} />
        </>
      )}
    </section>
  );
}
