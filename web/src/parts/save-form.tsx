// Saves what is open as a part: first the button, then, in its place, the name.
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { announce } from '@/app/ui-state';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';
import { toast } from '@/ui/toasts';
import type { Candidate } from './kinds';
import { addPart, NAME_MAX, type Kind } from './store';
import { usePartWords } from './words';

export function SaveForm({ kind, candidate, count }: { kind: Kind; candidate: Candidate | null; count: number }) {
  const all = useT();
  const t = usePartWords();
  const [name, setName] = useState<string | null>(null);
  const close = () => {
    setName(null);
    requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-save-part]')?.focus());
  };
  if (name === null || !candidate) {
    return (
      <Button
        data-save-part
        data-testid="part-save"
        icon={<Plus size={14} aria-hidden />}
        className="self-start"
        reason={candidate ? null : t.nothing[kind]}
        onClick={() => setName(candidate?.name || t.newName[kind](count + 1))}
      >
        {t.save[kind]}
      </Button>
    );
  }
  return (
    <form
      className="flex items-end gap-2"
      onSubmit={(e) => {
        e.preventDefault();
        const done = addPart(name.trim() || t.unnamed, candidate.content);
        if (!done) return toast({ kind: 'bad', text: t.full, group: 'parts' });
        announce(t.saved(name.trim() || t.unnamed));
        return close();
      }}
    >
      <TextField
        label={t.name}
        className="flex-1"
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- the button that was pressed gave way to it
        autoFocus
        maxLength={NAME_MAX}
        value={name}
        onFocus={(e) => e.target.select()}
        onChange={(e) => setName(e.target.value)}
      />
      <Button look="ink" type="submit">
        {all.ui.save}
      </Button>
      <Button onClick={close}>{all.ui.cancel}</Button>
    </form>
  );
}
