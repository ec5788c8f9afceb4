// All keys on one sheet.
import { useT } from '@/i18n';
import type { Words } from '@/i18n/en';
import { Dialog } from '@/ui/dialog';
import { setPrefs, usePrefs } from './prefs';
import { setUi, useUi } from './ui-state';

type Name = keyof Words['tools']['commands'];
type Group = keyof Words['tools']['groups'];

const KEYS: Record<Group, [string, Name][]> = {
  everywhere: [
    ['Ctrl K', 'palette'],
    ['Ctrl .', 'stop'],
    ['Esc', 'close'],
    ['G C', 'create'],
    ['G L', 'library'],
    ['G H', 'history'],
    ['G Q', 'queue'],
    ['/', 'search'],
    ['?', 'keys'],
  ],
  editor: [
    ['Ctrl Enter', 'generate'],
    ['Ctrl Shift Enter', 'generateNext'],
    ['R', 'regenerate'],
    ['Shift R', 'regenerateSame'],
    ['Ctrl Z', 'undo'],
    ['Ctrl Shift Z', 'redo'],
    ['Alt 1', 'quick'],
    ['Alt 2', 'form'],
    ['Alt 3', 'layout'],
    ['Alt 4', 'json'],
  ],
  viewer: [
    ['← →', 'move'],
    ['Home End', 'ends'],
    ['F', 'favorite'],
    ['1–5', 'rate'],
    ['Delete', 'trashImage'],
    ['Space', 'compare'],
    ['Z', 'zoom'],
    ['I', 'info'],
  ],
  layout: [
    ['← ↑ → ↓', 'nudge'],
    ['Tab', 'walk'],
    ['Enter', 'editBox'],
    ['Delete', 'removeBox'],
    ['Ctrl D', 'duplicate'],
    ['[ ]', 'order'],
    ['L', 'lock'],
    ['H', 'hide'],
    ['G', 'grid'],
    ['0 + −', 'fit'],
  ],
};

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
export const shownKeys = (keys: string): string[] => keys.split(' ').map((k) => (isMac && k === 'Ctrl' ? '⌘' : k));

function Keys({ keys }: { keys: string }) {
  return (
    <span className="flex shrink-0 gap-1">
      {shownKeys(keys).map((key) => (
        <kbd
          key={key}
          className="num flex min-w-6 items-center justify-center rounded-control border border-line bg-sunken px-1.5 text-caption text-text-2"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}

export function KeysSheet() {
  const t = useT().tools;
  const isOpen = useUi((s) => s.keys);
  const letters = usePrefs((s) => s.letterKeys);
  if (!isOpen) return null;
  return (
    <Dialog wide sheet title={t.keysTitle} onClose={() => setUi({ keys: false })} data-testid="keys">
      <label className="mb-4 flex items-center gap-2 text-control">
        <input
          type="checkbox"
          checked={letters}
          onChange={(e) => setPrefs({ letterKeys: e.target.checked })}
          className="size-4 accent-[var(--accent)]"
        />
        <span>{t.letterKeys}</span>
        <span className="text-text-3">{t.letterKeysHint}</span>
      </label>
      <div className="grid gap-x-10 gap-y-5 tablet:grid-cols-2">
        {(Object.keys(KEYS) as Group[]).map((group) => (
          <section key={group}>
            <h3 className="mb-1 text-control font-medium">{t.groups[group]}</h3>
            <dl>
              {KEYS[group].map(([keys, name]) => (
                <div key={name} className="flex min-h-8 items-center justify-between gap-3 border-t border-line text-control">
                  <dt className="text-text-2">{t.commands[name]}</dt>
                  <dd>
                    <Keys keys={keys} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
