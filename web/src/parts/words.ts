import { parts as de } from '@/i18n/de/parts';
import { parts as en } from '@/i18n/en/parts';
import { laterWords, useLaterWords } from '@/i18n/later';

const WORDS = { en, de };
export const usePartWords = (): typeof en => useLaterWords(WORDS);
export const partWords = (): typeof en => laterWords(WORDS);
