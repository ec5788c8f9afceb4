// What a person sets for this browser, and the way to take it along.
import { useRef, type ReactNode } from 'react';
import { LANGUAGES, useLanguage, useT, type Language } from '@/i18n';
import { Button } from '@/ui/button';
import { confirm } from '@/ui/confirm';
import { Dialog } from '@/ui/dialog';
import { SelectField } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { toast } from '@/ui/toasts';
import { exportAll, importAll } from './backup';
import { DEFAULT_PREFS, setPrefs, usePrefs, type Prefs } from './prefs';
import { setUi, useUi } from './ui-state';

const STAGES: Prefs['stage'][] = ['auto', 'light', 'mid', 'dark', 'checker'];

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-3 border-t border-line pt-4 first:border-t-0 first:pt-0">
      <h3 className="text-control font-semibold">{title}</h3>
      {children}
    </section>
  );
}

type Switch = 'preview' | 'letterKeys' | 'notify' | 'sound' | 'embedRecipe';

function Check({ name, label, hint, onChange }: { name: Switch; label: string; hint?: string; onChange?: (on: boolean) => void }) {
  const isOn = usePrefs((s) => s[name]);
  return (
    <label className="flex min-h-6 items-start gap-2 text-control pointer-coarse:min-h-11 pointer-coarse:items-center">
      <input
        type="checkbox"
        data-testid={`pref-${name}`}
        checked={isOn}
        onChange={(e) => (onChange ? onChange(e.target.checked) : setPrefs({ [name]: e.target.checked }))}
        className="mt-0.5 size-4 shrink-0 accent-[var(--accent)]"
      />
      <span>
        {label}
        {hint && <span className="block text-caption text-text-3">{hint}</span>}
      </span>
    </label>
  );
}

function Look() {
  const t = useT();
  const prefs = usePrefs();
  const language = useLanguage((s) => s.language);
  return (
    <Group title={t.tools.prefs.look}>
      <div data-testid="theme" className="flex flex-col gap-1">
        <span className="text-caption font-medium text-text-2">{t.app.theme}</span>
        <Segmented
          label={t.app.theme}
          value={prefs.theme}
          onChange={(theme) => setPrefs({ theme })}
          choices={[
            { value: 'system', label: t.app.themes.system },
            { value: 'light', label: t.app.themes.light },
            { value: 'dark', label: t.app.themes.dark },
          ]}
        />
      </div>
      <div className="grid grid-cols-2 gap-3">
        <SelectField
          label={t.app.language}
          data-testid="language"
          value={language}
          onChange={(e) => setPrefs({ language: e.target.value as Language })}
        >
          {LANGUAGES.map((l) => (
            <option key={l.value} value={l.value}>
              {l.label}
            </option>
          ))}
          {language === 'pseudo' && <option value="pseudo">⟦pseudo⟧</option>}
        </SelectField>
        <SelectField
          label={t.tools.prefs.stage}
          data-testid="pref-stage"
          value={prefs.stage}
          onChange={(e) => setPrefs({ stage: e.target.value as Prefs['stage'] })}
        >
          {STAGES.map((stage) => (
            <option key={stage} value={stage}>
              {t.tools.prefs.stages[stage]}
            </option>
          ))}
        </SelectField>
      </div>
    </Group>
  );
}

/** Asked for only when it is switched on; over plain HTTP there are none. */
async function setNotify(on: boolean, refused: string): Promise<void> {
  if (!on) return setPrefs({ notify: false });
  const isThere = typeof Notification !== 'undefined' && window.isSecureContext;
  const answer = isThere ? await Notification.requestPermission().catch(() => 'denied') : 'denied';
  if (answer === 'granted') setPrefs({ notify: true });
  else toast({ kind: 'bad', text: refused, group: 'notify' });
}

function Work() {
  const t = useT().tools;
  return (
    <Group title={t.prefs.work}>
      <Check name="preview" label={t.prefs.preview} />
      <Check name="letterKeys" label={t.letterKeys} hint={t.letterKeysHint} />
      <Check name="notify" label={t.prefs.notify} onChange={(on) => void setNotify(on, t.prefs.notifyNo)} />
      <Check name="sound" label={t.prefs.sound} />
      <Check name="embedRecipe" label={t.prefs.embed} hint={t.prefs.embedHint} />
    </Group>
  );
}

function Data() {
  const t = useT().tools.prefs;
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File) => {
    const count = await importAll(file);
    if (count === null) {
      toast({ kind: 'bad', text: t.importBad, group: 'backup' });
      return;
    }
    toast({ kind: 'ok', text: t.imported(count), group: 'backup' });
    setTimeout(() => window.location.reload(), 600);
  };
  const reset = async () => {
    const yes = await confirm({ title: t.askReset, text: t.askResetText, yes: t.reset });
    if (yes) setPrefs({ ...DEFAULT_PREFS });
  };
  return (
    <Group title={t.data}>
      <p className="text-control text-text-2">{t.exportText}</p>
      <div className="flex flex-wrap gap-2">
        <Button data-testid="pref-export" onClick={() => void exportAll()}>
          {t.export}
        </Button>
        <Button data-testid="pref-import" onClick={() => input.current?.click()}>
          {t.import}
        </Button>
        <Button data-testid="pref-reset" onClick={() => void reset()}>
          {t.reset}
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          aria-label={t.import}
          data-testid="pref-import-input"
          accept="application/json,.json"
          onChange={(e) => {
            const file = e.target.files?.[0];
            e.target.value = '';
            if (file) void take(file);
          }}
        />
      </div>
    </Group>
  );
}

export function Preferences() {
  const t = useT();
  const open = useUi((s) => s.preferences);
  if (!open) return null;
  return (
    <Dialog title={t.app.preferences} onClose={() => setUi({ preferences: false })} sheet data-testid="preferences">
      <div className="flex flex-col gap-5 pt-1">
        <Look />
        <Work />
        <Data />
        <p className="text-caption text-text-3">{t.tools.prefs.hint}</p>
      </div>
    </Dialog>
  );
}
