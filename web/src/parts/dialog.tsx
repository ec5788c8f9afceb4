// Saved parts of captions: to take, to save, to carry to another browser.
import { useRef, useState } from 'react';
import { announce, useUi } from '@/app/ui-state';
import { useCaption, useDocument, useTextError } from '@/document/store';
import { firstWords } from '@/editor/layout/names';
import { FileInput } from '@/ui/file-input';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { SelectField } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { toast } from '@/ui/toasts';
import { exportParts, importParts } from './file';
import { candidate, insertPart } from './kinds';
import { PartList } from './part-list';
import { KINDS, useHasParts, type Kind, type Part } from './store';
import { usePartWords } from './words';

function Transfer() {
  const t = usePartWords();
  const hasParts = useHasParts();
  const file = useRef<HTMLInputElement>(null);
  const take = async (picked: File) => {
    const result = await importParts(picked);
    if (typeof result === 'string') toast({ kind: 'bad', text: t[result], group: 'parts' });
    else toast({ kind: 'ok', text: t.imported(result.count), group: 'parts' });
  };
  return (
    <>
      <Button onClick={() => file.current?.click()}>{t.import}</Button>
      <Button disabled={!hasParts} onClick={exportParts}>
        {t.export}
      </Button>
      <FileInput ref={file} accept="application/json,.json" testId="parts-file" onPick={(picked) => void take(picked)} />
    </>
  );
}

function WhichElement({ at, onPick }: { at: number; onPick: (at: number) => void }) {
  const all = useT();
  const t = usePartWords();
  const { elements } = useCaption();
  if (elements.length < 2) return null;
  return (
    <SelectField label={t.which} value={at} onChange={(e) => onPick(Number(e.target.value))}>
      {elements.map((e) => (
        <option key={e.index} value={e.index}>
          {`${e.index + 1}: ${firstWords(e, all.layout)}`}
        </option>
      ))}
    </SelectField>
  );
}

export function PartsDialog({ kind: first, onClose }: { kind: Kind; onClose: () => void }) {
  const all = useT();
  const t = usePartWords();
  const [kind, setKind] = useState(first);
  const doc = useDocument((s) => s.doc);
  const caption = useCaption();
  const isLocked = useTextError() !== null;
  const selected = useUi((s) => s.selection[0]);
  const [chosen, setChosen] = useState(selected ?? 0);
  const at = Math.min(chosen, Math.max(0, caption.elements.length - 1));
  const use = (part: Part) => {
    insertPart(part);
    onClose();
    const text = t.used(part.name || t.unnamed);
    announce(text);
    toast({ kind: 'info', text, group: 'parts', action: { label: all.ui.undo, run: () => useDocument.getState().undo() } });
  };
  return (
    <Dialog title={t.title} sheet onClose={onClose} data-testid="parts" footer={<Transfer />}>
      <div className="flex min-h-96 flex-col gap-3 max-tablet:min-h-[60dvh]">
        <Segmented
          label={t.title}
          value={kind}
          choices={KINDS.map((value) => ({ value, label: t.kinds[value], testId: `parts-${value}` }))}
          onChange={setKind}
        />
        <p className="text-caption text-text-3">{t.note[kind]}</p>
        {kind === 'element' && <WhichElement at={at} onPick={setChosen} />}
        <PartList kind={kind} candidate={candidate(kind, doc, caption, at)} isLocked={isLocked} onUse={use} />
      </div>
    </Dialog>
  );
}
