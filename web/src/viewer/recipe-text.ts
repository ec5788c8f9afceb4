// What a recipe is as text: the command that repeats it, the name of its file, and how two differ.
import { read } from '@/document/caption';
import type { Item, LoraUse, Recipe } from '@/api/types';
import type { Words } from '@/i18n/en';
import { captionTitle, captionValue } from '@/queue/labels';
import type { Json } from '@/document/json';

const NAME_MAX = 60;

/** A word of a shell command, whatever it contains. */
export function quote(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function captionText(recipe: Recipe): string | null {
  if (recipe.caption_text) return recipe.caption_text;
  if (recipe.caption === null || recipe.caption === undefined) return null;
  return typeof recipe.caption === 'string' ? recipe.caption : JSON.stringify(recipe.caption);
}

/** "poster-with-hello-42-17.webp": from description, seed and id (D19). */
export function fileName(item: Pick<Item, 'hld' | 'title' | 'seed' | 'id' | 'format'>): string {
  const words = (item.title ?? '').trim() || item.hld.trim() || 'picture';
  const base = words
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, NAME_MAX)
    .replace(/^-+|-+$/g, '');
  const end = item.format === 'jpeg' ? 'jpg' : item.format.replace(/[^a-z0-9]/gi, '') || 'webp';
  return `${base || 'picture'}-${item.seed}-${item.id}.${end}`;
}

export function command(recipe: Recipe, format: string, out: string): string | null {
  const caption = captionText(recipe);
  if (caption === null) return null;
  const parts = ['./run.sh', 'generate', '--prompt', quote(caption)];
  if (recipe.width && recipe.height) parts.push('--width', String(recipe.width), '--height', String(recipe.height));
  if (recipe.preset) parts.push('--preset', quote(recipe.preset));
  if (recipe.seed !== null) parts.push('--seed', String(recipe.seed));
  for (const lora of recipe.loras ?? []) {
    parts.push('--lora', quote(lora.name), '--lora-strength', String(lora.strength));
  }
  parts.push('--format', quote(format), '--out', quote(out));
  return parts.join(' ');
}

export const lorasText = (loras: LoraUse[] | null, none: string): string =>
  loras && loras.length > 0 ? loras.map((l) => `${l.name.replace(/\.safetensors$/, '')} ${l.strength}`).join(' + ') : none;

type RowKey = keyof Words['viewer']['compare']['rows'];
export interface DiffRow {
  key: RowKey;
  values: string[];
}

/** Values without the signs of JSON, for people. */
function plain(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(plain).join(' ');
  if (typeof value === 'object') return Object.values(value).map(plain).filter(Boolean).join(' · ');
  return String(value);
}

function captionParts(recipe: Recipe): Record<'description' | 'style' | 'background' | 'elements' | 'caption', string> {
  const value = captionValue(recipe.caption_text ?? recipe.caption);
  if (value === null) {
    return { description: '', style: '', background: '', elements: '', caption: captionTitle(recipe.caption_text) ?? '' };
  }
  const c = read(value);
  const style = (value as { style_description?: Json }).style_description;
  return {
    description: c.hld,
    style: plain(style),
    background: c.background,
    elements: c.elements
      .map((e) => [e.text && `“${e.text}”`, e.desc, e.box ? `[${e.box.join(', ')}]` : '', e.palette.join(' ')].filter(Boolean).join(' '))
      .join('; '),
    caption: '',
  };
}

/** Rows in which the recipes differ; none: they are the same. */
export function differences(recipes: Recipe[], none: string): DiffRow[] {
  const parts = recipes.map(captionParts);
  const text = (value: string | number | null | undefined) => (value == null || value === '' ? '–' : String(value));
  const rows: DiffRow[] = [
    { key: 'size', values: recipes.map((r) => (r.width && r.height ? `${r.width}×${r.height}` : '–')) },
    { key: 'preset', values: recipes.map((r) => text(r.preset)) },
    // The steps are those of the preset, unless they were set by hand.
    ...(new Set(recipes.map((r) => r.preset)).size === 1
      ? [{ key: 'steps' as const, values: recipes.map((r) => text(r.steps)) }]
      : []),
    { key: 'seed', values: recipes.map((r) => text(r.seed)) },
    { key: 'loras', values: recipes.map((r) => lorasText(r.loras, none)) },
    { key: 'model', values: recipes.map((r) => text(r.model)) },
    ...(['description', 'style', 'background', 'elements', 'caption'] as const).map((key) => ({
      key,
      values: parts.map((p) => text(p[key])),
    })),
  ];
  return rows.filter((row) => new Set(row.values).size > 1);
}
