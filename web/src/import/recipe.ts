// What a file or a text holds for the editor: a caption, settings, both, or only a picture.
import { isDict } from '@/document/caption';
import { parse, type Json } from '@/document/json';
import type { LoraUse, Settings } from '@/document/store';
import { SEED_MAX } from '@/lib/ids';
import { findCaption, isTooDeep, type Repair } from './forgiving';
import { MetaError, kindOf, readTexts, type MetaText } from './metadata';

export const FILE_MAX = 100 * 1024 * 1024;
const SIDE_MAX = 16_384;

export type Trouble = 'tooLarge' | 'textTooLarge' | 'broken' | 'tooDeep' | 'notJson' | 'noCaption' | 'kind';

export type ImportedSettings = Partial<Pick<Settings, 'width' | 'height' | 'preset' | 'seed' | 'format' | 'loras'>>;

export interface Imported {
  kind: 'ideogram4' | 'foreign' | 'caption' | 'none';
  caption: string | null;
  settings: ImportedSettings;
  ratio: number | null; // where only that is known
  repairs: Repair[];
  model: string | null;
}

export class ImportError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

type Dict = { [key: string]: Json };

const whole = (value: Json | undefined): number | undefined => {
  const n = typeof value === 'string' && /^\d{1,10}$/.test(value.trim()) ? Number(value) : value;
  return typeof n === 'number' && Number.isInteger(n) && n >= 0 ? n : undefined;
};
const sideOf = (value: Json | undefined): number | undefined => {
  const n = whole(value);
  return n !== undefined && n > 0 && n <= SIDE_MAX ? n : undefined;
};
const word = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value.length > 0 && value.length <= 200 ? value : undefined;

function lorasOf(value: Json | undefined): LoraUse[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((l) =>
    isDict(l) && typeof l.name === 'string' && typeof l.strength === 'number'
      ? [{ name: l.name, strength: l.strength }]
      : [],
  );
}

/** "16:9", "16x9" or 1.78. */
function ratioOf(value: Json | undefined): number | null {
  const pair = typeof value === 'string' ? /^\s*(\d{1,5})\s*[:x×/]\s*(\d{1,5})\s*$/.exec(value) : null;
  const ratio = pair ? Number(pair[1]) / Number(pair[2]) : Number(value);
  return Number.isFinite(ratio) && ratio >= 0.05 && ratio <= 20 ? ratio : null;
}

export function settingsOf(dict: Dict): { settings: ImportedSettings; ratio: number | null } {
  const pair = typeof dict.size === 'string' ? /^\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*$/.exec(dict.size) : null;
  const width = sideOf(dict.width ?? dict.w ?? pair?.[1]);
  const height = sideOf(dict.height ?? dict.h ?? pair?.[2]);
  const seed = whole(dict.seed);
  const preset = word(dict.preset);
  const format = word(dict.format);
  const loras = lorasOf(dict.loras);
  return {
    settings: {
      ...(width && height ? { width, height } : {}),
      ...(preset ? { preset } : {}),
      ...(seed !== undefined && seed <= SEED_MAX ? { seed: String(seed) } : {}),
      ...(format && /^(png|webp|jpeg)$/.test(format) ? { format } : {}),
      ...(loras ? { loras } : {}),
    },
    ratio: ratioOf(dict.aspect_ratio),
  };
}

/** Our own recipe, whose caption is kept to the byte. */
function ownRecipe(text: string): Imported | null {
  if (isTooDeep(text)) throw new ImportError('tooDeep');
  const parsed = parse(text);
  if (!parsed.ok || !isDict(parsed.root.value)) return null;
  const dict = parsed.root.value;
  if (dict.caption === undefined) return null;
  const caption = typeof dict.caption === 'string' ? dict.caption : JSON.stringify(dict.caption, null, 2);
  if (isTooDeep(caption)) throw new ImportError('tooDeep');
  const { settings, ratio } = settingsOf(dict);
  return { kind: 'ideogram4', caption, settings, ratio, repairs: [], model: word(dict.model) ?? null };
}

/** A caption in any text, with the settings that stand around it. */
export function importText(text: string, kind: Imported['kind'] = 'caption'): Imported {
  const search = findCaption(text);
  if ('trouble' in search) throw new ImportError(search.trouble);
  const { found } = search;
  let settings: ImportedSettings = {};
  let ratio: number | null = null;
  let model: string | null = null;
  for (const dict of found.around) {
    const here = settingsOf(dict);
    settings = { ...settings, ...here.settings };
    ratio = here.ratio ?? ratio;
    model = word(dict.model) ?? model;
  }
  return { kind, caption: found.text, settings, ratio, repairs: found.repairs, model };
}

const EMPTY: Imported = { kind: 'none', caption: null, settings: {}, ratio: null, repairs: [], model: null };

function importTexts(texts: MetaText[]): Imported {
  for (const { key, text } of texts) {
    const own = key === 'ideogram4' ? ownRecipe(text) : null;
    if (own) return own;
  }
  let trouble: Trouble | null = null;
  for (const { text } of texts) {
    try {
      return { ...importText(text, 'foreign'), repairs: [] };
    } catch (e) {
      if (e instanceof ImportError && e.trouble === 'tooDeep') trouble = 'tooDeep';
    }
  }
  if (trouble) throw new ImportError(trouble);
  return EMPTY;
}

export async function importBytes(bytes: Uint8Array): Promise<Imported> {
  if (bytes.length > FILE_MAX) throw new ImportError('tooLarge');
  const kind = kindOf(bytes);
  if (kind) {
    try {
      const imported = importTexts(await readTexts(bytes));
      // The file's own format is what was asked for.
      return imported.kind === 'ideogram4' ? { ...imported, settings: { ...imported.settings, format: kind } } : imported;
    } catch (e) {
      throw e instanceof MetaError ? new ImportError(e.trouble) : e;
    }
  }
  if (bytes.length > 4 * 1024 * 1024) throw new ImportError('tooLarge');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ImportError('kind');
  }
  const own = ((): Imported | null => {
    const recipe = ownRecipe(text);
    return recipe && 'preset' in recipe.settings ? recipe : null;
  })();
  return own ?? importText(text);
}
