// All keys on one sheet. Each can be changed or switched off, and all single letters at once.
import { useState } from 'react';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { GROUPS, type Group } from './key-groups';
import { KeyRow } from './key-row';
import { setPrefs, usePrefs } from './prefs';
import { setUi, useUi } from './ui-state';
import { usePrefWords } from './words';

function Sheet() {
  const t = usePrefWords();
  const letters = usePrefs((s) => s.letterKeys);
  const hasChanges = usePrefs((s) => Object.keys(s.keys).length > 0);
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Dialog
      wide
      sheet
      title={t.keysTitle}
      onClose={() => setUi({ keys: false })}
      data-testid="keys"
      footer={
        hasChanges && (
          <Button data-testid="keys-reset" onClick={() => setPrefs({ keys: {} })}>
            {t.keysBackAll}
          </Button>
        )
      }
    >
      <p className="mb-2 text-control text-text-2">{t.keysHint}</p>
      <label className="mb-4 flex min-h-6 items-start gap-2 text-control pointer-coarse:min-h-11 pointer-coarse:items-center">
        <input
          type="checkbox"
          data-testid="keys-letters"
          checked={letters}
          onChange={(e) => setPrefs({ letterKeys: e.target.checked })}
          className="mt-0.5 size-4 shrink-0 accent-accent"
        />
        <span>
          {t.letterKeys}
          <span className="block text-caption text-text-3">{t.letterKeysHint}</span>
        </span>
      </label>
      <div className="grid gap-x-10 gap-y-6 tablet:grid-cols-2">
        {(Object.keys(GROUPS) as Group[]).map((group) => (
          <section key={group} aria-label={t.groups[group]}>
            <h3 className="mb-1.5 text-control font-semibold">{t.groups[group]}</h3>
            <ul>
              {GROUPS[group].map((row) => (
                <KeyRow key={row.id} row={row} isOpen={open === row.id} onOpen={(on) => setOpen(on ? row.id : null)} />
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

export function KeysSheet() {
  const isOpen = useUi((s) => s.keys);
  return isOpen ? <Sheet /> : null;
}
