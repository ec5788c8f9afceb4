import { palette as de } from '@/i18n/de/palette';
import { palette as en } from '@/i18n/en/palette';
import { useLaterWords } from '@/i18n/later';

const WORDS = { en, de };
export const usePaletteWords = (): typeof en => useLaterWords(WORDS);
