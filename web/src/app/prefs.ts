// What a person set for this browser: kept under i4.prefs, taken over from the original's keys once.
import * as v from 'valibot';
import { create } from 'zustand';
import { setLanguage, type Language } from '@/i18n';
import { load, save, watch } from '@/lib/storage';

const Prefs = v.object({
  theme: v.fallback(v.picklist(['system', 'light', 'dark']), 'system'),
  language: v.fallback(v.nullable(v.picklist(['en', 'de', 'pseudo', 'pseudo-rtl'])), null), // null: the browser's
  mode: v.fallback(v.picklist(['quick', 'form', 'layout', 'json']), 'quick'),
  drawer: v.fallback(v.boolean(), true), // history beside the stage
  inspector: v.fallback(v.pipe(v.number(), v.minValue(320), v.maxValue(640)), 384),
  thumb: v.fallback(v.pipe(v.number(), v.minValue(96), v.maxValue(480)), 200),
  grid: v.fallback(v.picklist(['off', '12', '24', 'thirds', 'golden']), 'off'),
  preview: v.fallback(v.boolean(), true),
  stage: v.fallback(v.picklist(['auto', 'light', 'mid', 'dark', 'checker']), 'auto'),
  letterKeys: v.fallback(v.boolean(), true),
  keys: v.fallback(v.record(v.string(), v.pipe(v.string(), v.maxLength(40))), {}), // what was changed, by name
  notify: v.fallback(v.boolean(), false),
  sound: v.fallback(v.boolean(), false),
  embedRecipe: v.fallback(v.boolean(), true),
});
export type Prefs = v.InferOutput<typeof Prefs>;
export const DEFAULT_PREFS: Prefs = v.parse(Prefs, {});

function oldTheme(): Partial<Prefs> {
  try {
    const theme = localStorage.getItem('theme');
    return theme === 'light' || theme === 'dark' ? { theme } : {};
  } catch {
    return {};
  }
}

function read(): Prefs {
  return load('prefs', Prefs) ?? { ...DEFAULT_PREFS, ...oldTheme() };
}

export const usePrefs = create<Prefs>()(() => read());

function apply(prefs: Prefs): Promise<void> {
  document.documentElement.dataset.theme = prefs.theme;
  return setLanguage(prefs.language as Language | null);
}

export function setPrefs(change: Partial<Prefs>): void {
  usePrefs.setState(change);
  save('prefs', usePrefs.getState());
  void apply(usePrefs.getState());
}

/** Before the first paint: the words have to be there. */
export async function startPrefs(): Promise<void> {
  watch('prefs', () => {
    usePrefs.setState(read());
    void apply(usePrefs.getState());
  });
  await apply(usePrefs.getState());
}
