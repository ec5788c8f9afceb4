// Templates as miniatures of their boxes; own ones can be saved and deleted.
import { useState } from 'react';
import { Trash2 } from 'lucide-react';
import { announce } from '@/app/ui-state';
import { useCaption, useDocument, useSettings, useTextError } from '@/document/store';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { TextField } from '@/ui/field';
import { toast } from '@/ui/toasts';
import { colourOf } from './names';
import { applyTemplate, deleteTemplate, saveTemplate, TEMPLATES, useOwnTemplates, type Slot } from './templates';

const RATIO_MAX = 2;

/** In the ratio of the picture, as far as a miniature can show it. */
function Boxes({ slots }: { slots: readonly Slot[] }) {
  const { width, height } = useSettings();
  const ratio = Math.min(RATIO_MAX, Math.max(1 / RATIO_MAX, width / height));
  const size = { width: `${Math.min(1, ratio) * 100}%`, height: `${Math.min(1, 1 / ratio) * 100}%` };
  return (
    <span className="flex aspect-square w-full items-center justify-center">
      <svg aria-hidden viewBox="-10 -10 1020 1020" preserveAspectRatio="none" style={size} className="bg-sunken">
        {slots.map(({ kind, box: [top, left, bottom, right] }, i) => (
          <rect
            key={`${top},${left},${bottom},${right}`}
            x={left}
            y={top}
            width={right - left}
            height={bottom - top}
            fill={colourOf(i, kind === 'text' ? 0.75 : 0.25)}
            stroke={colourOf(i)}
            strokeWidth={1}
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </svg>
    </span>
  );
}

function Save() {
  const t = useT();
  const l = t.layout;
  const [name, setName] = useState<string | null>(null);
  const [withTexts, setWithTexts] = useState(false);
  const hasBoxes = useCaption().elements.some((e) => e.box);
  if (name === null) {
    return (
      <Button size="small" className="self-start" disabled={!hasBoxes} onClick={() => setName('')}>
        {l.saveTemplate}
      </Button>
    );
  }
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(e) => {
        e.preventDefault();
        if (name.trim() === '') return;
        const done = saveTemplate(name.trim(), withTexts);
        toast({ kind: done ? 'ok' : 'bad', text: done ? l.templateSaved : l.templateFull, group: 'template' });
        setName(null);
      }}
    >
      {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- the button that was pressed gave way to it */}
      <TextField label={l.templateName} value={name} autoFocus maxLength={60} onChange={(e) => setName(e.target.value)} />
      <label className="flex min-h-6 items-center gap-2 text-control pointer-coarse:min-h-11">
        <input type="checkbox" checked={withTexts} onChange={(e) => setWithTexts(e.target.checked)} className="size-4 accent-accent" />
        {l.templateTexts}
      </label>
      <div className="flex gap-2">
        <Button look="ink" size="small" type="submit" disabled={name.trim() === ''}>
          {t.ui.save}
        </Button>
        <Button size="small" onClick={() => setName(null)}>
          {t.ui.cancel}
        </Button>
      </div>
    </form>
  );
}

export function TemplateList() {
  const t = useT();
  const l = t.layout;
  const own = useOwnTemplates((s) => s.list);
  const isDisabled = useTextError() !== null;
  const [withTexts, setWithTexts] = useState(true);
  const apply = (slots: readonly Slot[], name: string, texts: boolean) => {
    applyTemplate(slots, texts);
    announce(l.applied(name));
    toast({
      kind: 'info',
      text: l.applied(name),
      group: 'template',
      action: { label: t.ui.undo, run: () => useDocument.getState().undo() },
    });
  };
  const tile = (name: string, slots: readonly Slot[], texts: boolean) => (
    <button
      type="button"
      disabled={isDisabled}
      onClick={() => apply(slots, name, texts)}
      className="flex w-full flex-col gap-1 rounded-thumb text-start hover:text-text disabled:opacity-50"
    >
      <Boxes slots={slots} />
      <span className="line-clamp-2 text-caption text-text-2">{name}</span>
    </button>
  );
  return (
    <div className="flex flex-col gap-3">
      <p className="text-caption text-text-3">{l.templatesNote}</p>
      <ul className="grid grid-cols-4 gap-3">
        {TEMPLATES.map(({ id, slots }) => (
          <li key={id}>{tile(l.names[id], slots, withTexts)}</li>
        ))}
        {own.map(({ id, name, slots }) => (
          <li key={id} className="group relative">
            {tile(name, slots, true)}
            <IconButton
              size="small"
              look="plain"
              label={l.templateDelete(name)}
              onClick={() => deleteTemplate(id)}
              className="absolute top-0 end-0 pointer-fine:opacity-0 pointer-fine:group-hover:opacity-100 pointer-fine:focus-visible:opacity-100"
            >
              <Trash2 size={14} />
            </IconButton>
          </li>
        ))}
      </ul>
      <label className="flex min-h-6 items-center gap-2 text-control pointer-coarse:min-h-11">
        <input type="checkbox" checked={withTexts} onChange={(e) => setWithTexts(e.target.checked)} className="size-4 accent-accent" />
        {l.withTexts}
      </label>
      <Save />
    </div>
  );
}
