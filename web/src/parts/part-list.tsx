// The saved parts of one kind, with what saves another.
import { useRef, useState } from 'react';
import { useT } from '@/i18n';
import { TextField } from '@/ui/field';
import { toast } from '@/ui/toasts';
import type { Candidate } from './kinds';
import { Row } from './row';
import { SaveForm } from './save-form';
import { removePart, usePartsOf, type Kind, type Part } from './store';
import { usePartWords } from './words';

const FIND_FROM = 8; // fewer are looked through faster than searched

export interface PartListProps {
  kind: Kind;
  candidate: Candidate | null;
  isLocked: boolean; // the text is no caption: nothing can be put into it
  onUse: (part: Part) => void;
}

export function PartList({ kind, candidate, isLocked, onUse }: PartListProps) {
  const all = useT();
  const t = usePartWords();
  const parts = usePartsOf(kind);
  const [find, setFind] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const canFind = parts.length >= FIND_FROM;
  const found = canFind ? parts.filter((p) => p.name.toLowerCase().includes(find.trim().toLowerCase())) : parts;
  const remove = (part: Part, at: number) => {
    const back = removePart(part);
    toast({ kind: 'info', text: t.removed(part.name || t.unnamed), group: 'parts', action: { label: all.ui.undo, run: back } });
    requestAnimationFrame(() => {
      const rows = list.current?.querySelectorAll<HTMLElement>('[data-use]');
      const next = rows?.[Math.min(at, rows.length - 1)] ?? list.current?.querySelector<HTMLElement>('[data-save-part]');
      next?.focus();
    });
  };
  return (
    <div ref={list} className="flex flex-col gap-3">
      <SaveForm key={kind} kind={kind} candidate={candidate} count={parts.length} />
      {canFind && <TextField label={t.find} type="search" value={find} onChange={(e) => setFind(e.target.value)} />}
      {found.length === 0 ? (
        <p className="py-6 text-center text-control text-text-3">{parts.length === 0 ? t.empty[kind] : t.noneFound}</p>
      ) : (
        <ul aria-label={t.kinds[kind]} className="divide-y divide-line border-y border-line">
          {found.map((part, i) => (
            <Row key={part.id} part={part} isLocked={isLocked} onUse={() => onUse(part)} onRemove={() => remove(part, i)} />
          ))}
        </ul>
      )}
    </div>
  );
}
