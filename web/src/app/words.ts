// Words of preferences and of the sheet of keys, which come with them.
import { prefs as de } from '@/i18n/de/prefs';
import { prefs as en } from '@/i18n/en/prefs';
import { useLaterWords } from '@/i18n/later';

const WORDS = { en, de };
export const usePrefWords = (): typeof en => useLaterWords(WORDS);
