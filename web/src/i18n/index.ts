// The words of the page: one typed dictionary for each language, in one file for each part.
import { create } from 'zustand';
import { en, type Words } from './en';

/** The last two are for tests: longer words, the same from right to left. */
export type Language = 'en' | 'de' | 'pseudo' | 'pseudo-rtl';
export const LANGUAGES: { value: Language; label: string }[] = [
  { value: 'en', label: 'English' },
  { value: 'de', label: 'Deutsch' },
];

export type Entry = string | ((...args: never[]) => string) | Entry[] | { [key: string]: Entry };

/** Every word longer and marked, so that what is not in a dictionary stands out. */
export function stretch(entry: Entry): Entry {
  if (typeof entry === 'string') return `⟦${entry}${'~'.repeat(Math.ceil(entry.length * 0.4))}⟧`;
  if (typeof entry === 'function') return (...args: never[]) => stretch(entry(...args)) as string;
  if (Array.isArray(entry)) return entry.map(stretch);
  return Object.fromEntries(Object.entries(entry).map(([k, e]) => [k, stretch(e)]));
}

/** English is part of the first script; others come when they are wanted. */
const pseudo = () => stretch(en as unknown as Entry) as unknown as Words;
const dictionaries: Record<Language, () => Words | Promise<Words>> = {
  en: () => en,
  de: () => import('./de').then((m) => m.de),
  pseudo,
  'pseudo-rtl': pseudo,
};

function preferred(): Language {
  return globalThis.navigator?.languages?.[0]?.startsWith('de') ? 'de' : 'en';
}

export const useLanguage = create<{ language: Language; words: Words }>()(() => ({ language: 'en', words: en }));

export const directionOf = (language: Language): 'ltr' | 'rtl' => (language === 'pseudo-rtl' ? 'rtl' : 'ltr');

/** null: the browser's. */
export async function setLanguage(wanted: Language | null): Promise<void> {
  const language = wanted ?? preferred();
  const words = await dictionaries[language]();
  document.documentElement.lang = language === 'de' ? 'de' : 'en';
  document.documentElement.dir = directionOf(language);
  useLanguage.setState({ language, words });
}

export const useT = (): Words => useLanguage((s) => s.words);
/** Outside of components. */
export const words = (): Words => useLanguage.getState().words;
export const locale = (): string => (useLanguage.getState().language === 'de' ? 'de-DE' : 'en-GB');
