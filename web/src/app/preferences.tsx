// What a person sets for this browser, and the way to take it along.
import { useRef, type ReactNode } from 'react';
import { LANGUAGES, useLanguage, useT, type Language } from '@/i18n';
import { Button } from '@/ui/button';
import { confirm } from '@/ui/confirm';
import { Dialog } from '@/ui/dialog';
import { SelectField } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { toast } from '@/ui/toasts';
import { countOf, exportAll, readBackup, takeBackup } from './backup';
import { OtherDevice } from './other-device';
import { DEFAULT_PREFS, setPrefs, usePrefs, type Prefs } from './prefs';
import { announce, setUi, useUi } from './ui-state';
import { usePrefWords } from './words';

const STAGES: Prefs['stage'][] = ['auto', 'light', 'mid', 'dark', 'checker'];

/** Preferences that belong together; `names` go back to how they came with the group's own button. */
function Group({ title, names = [], children }: { title: string; names?: (keyof Prefs)[]; children: ReactNode }) {
  const t = usePrefWords();
  const isChanged = usePrefs((s) => names.some((name) => JSON.stringify(s[name]) !== JSON.stringify(DEFAULT_PREFS[name])));
  const heading = useRef<HTMLHeadingElement>(null);
  const reset = () => {
    setPrefs(Object.fromEntries(names.map((name) => [name, DEFAULT_PREFS[name]])));
    heading.current?.focus();
    announce(t.wasReset(title));
  };
  return (
    <section className="grid gap-x-6 gap-y-3 border-t border-line pt-5 first:border-t-0 first:pt-0 tablet:grid-cols-[9.5rem_minmax(0,1fr)]">
      <div className="flex min-h-7 items-center justify-between gap-2 tablet:flex-col tablet:items-start tablet:justify-start tablet:gap-1">
        <h3 ref={heading} tabIndex={-1} className="text-control font-semibold outline-none">
          {title}
        </h3>
        {isChanged && (
          <Button look="quiet" size="small" className="-mx-2" aria-label={t.resetGroup(title)} onClick={reset}>
            {t.reset}
          </Button>
        )}
      </div>
      <div className="flex min-w-0 flex-col gap-3">{children}</div>
    </section>
  );
}

const Checks = ({ children }: { children: ReactNode }) => <div className="flex flex-col gap-2 pointer-coarse:gap-0">{children}</div>;

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
  const p = usePrefWords();
  const prefs = usePrefs();
  const language = useLanguage((s) => s.language);
  return (
    <Group title={p.look} names={['theme', 'language', 'stage']}>
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
          {language.startsWith('pseudo') && <option value={language}>⟦{language}⟧</option>}
        </SelectField>
        <SelectField
          label={p.stage}
          data-testid="pref-stage"
          value={prefs.stage}
          onChange={(e) => setPrefs({ stage: e.target.value as Prefs['stage'] })}
        >
          {STAGES.map((stage) => (
            <option key={stage} value={stage}>
              {p.stages[stage]}
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
  const t = usePrefWords();
  return (
    <Group title={t.work} names={['preview', 'notify', 'sound', 'embedRecipe']}>
      <Checks>
        <Check name="preview" label={t.preview} />
        <Check name="notify" label={t.notify} onChange={(on) => void setNotify(on, t.notifyNo)} />
        <Check name="sound" label={t.sound} />
        <Check name="embedRecipe" label={t.embed} hint={t.embedHint} />
      </Checks>
    </Group>
  );
}

function Keyboard() {
  const t = usePrefWords();
  return (
    <Group title={t.keysTitle} names={['letterKeys', 'keys']}>
      <Check name="letterKeys" label={t.letterKeys} hint={t.letterKeysHint} />
      <div>
        <Button data-testid="pref-keys" onClick={() => setUi({ preferences: false, keys: true })}>
          {t.keysChange}
        </Button>
      </div>
    </Group>
  );
}

function Places() {
  const t = usePrefWords();
  return (
    <Group title={t.places} names={['mode', 'drawer', 'inspector', 'thumb', 'grid']}>
      <p className="text-control text-text-2">{t.placesText}</p>
    </Group>
  );
}

function Data() {
  const t = usePrefWords();
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File) => {
    const backup = await readBackup(file);
    if (!backup) return toast({ kind: 'bad', text: t.importBad, group: 'backup' });
    const yes = await confirm({ title: t.askImport, text: t.askImportText(countOf(backup)), yes: t.import });
    if (!yes) return;
    const isWhole = await takeBackup(backup);
    if (!isWhole) toast({ kind: 'bad', text: t.importFull, group: 'backup' });
    setTimeout(() => window.location.reload(), isWhole ? 0 : 3000);
  };
  const reset = async () => {
    const yes = await confirm({ title: t.askReset, text: t.askResetText, yes: t.reset });
    if (yes) setPrefs({ ...DEFAULT_PREFS });
  };
  return (
    <Group title={t.data}>
      <p className="text-control text-text-2">
        {t.exportText} {t.hint}
      </p>
      <div className="flex flex-wrap gap-2">
        <Button data-testid="pref-export" onClick={() => void exportAll()}>
          {t.export}
        </Button>
        <Button data-testid="pref-import" onClick={() => input.current?.click()}>
          {t.import}
        </Button>
        <Button data-testid="pref-reset" onClick={() => void reset()}>
          {t.resetAll}
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
    <Dialog wide="mid" title={t.app.preferences} onClose={() => setUi({ preferences: false })} sheet data-testid="preferences">
      <div className="flex flex-col gap-5 pt-1">
        <Look />
        <Work />
        <Keyboard />
        <Places />
        <Group title={t.viewer.device.title}>
          <OtherDevice />
        </Group>
        <Data />
      </div>
    </Dialog>
  );
}
