// Words of parts that come later: both languages lie in the part's own script, so that the first
// one of the page stays small.
import { stretch, useLanguage, type Entry, type Language } from '.';

type Both<T> = { en: T; de: T };

function pick<T>(both: Both<T>, language: Language): T {
  return language === 'en' || language === 'de' ? both[language] : (stretch(both.en as Entry) as T);
}

export const useLaterWords = <T>(both: Both<T>): T => pick(both, useLanguage((s) => s.language));
/** Outside of components. */
export const laterWords = <T>(both: Both<T>): T => pick(both, useLanguage.getState().language);
