// The form of the original page, which is how history rows are stored (form_json): rows it wrote
// open here, and rows we write open there.
import * as v from 'valibot';
import { MEDIA, UNITS, isDict, read } from './caption';
import { parse, write, type Json } from './json';

const words = v.fallback(v.string(), '');

const Form = v.object({
  hld: words,
  aes: words,
  light: words,
  med: words,
  cam: words,
  bg: words,
  cp: words,
  els: v.fallback(
    v.array(
      v.object({
        type: words,
        text: words,
        bbox: v.fallback(v.union([v.string(), v.array(v.number())]), ''),
        desc: words,
      }),
    ),
    [],
  ),
  w: v.fallback(v.optional(v.number()), undefined),
  h: v.fallback(v.optional(v.number()), undefined),
  preset: v.fallback(v.optional(v.string()), undefined),
  seed: v.fallback(v.optional(v.union([v.string(), v.number()])), undefined),
  format: v.fallback(v.optional(v.string()), undefined),
  rawJson: words,
});
export type Form = v.InferOutput<typeof Form>;

/** undefined when the stored text is no form at all. */
export function readForm(stored: string): Form | undefined {
  try {
    const value: unknown = JSON.parse(stored);
    if (Array.isArray(value)) return undefined;
    const result = v.safeParse(Form, value);
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

export function paletteTokens(cp: string): string[] {
  return cp
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
}

function boxOf(bbox: string | number[]): Json | undefined {
  const parts = typeof bbox === 'string' ? (bbox.trim() === '' ? [] : bbox.split(',').map(Number)) : bbox;
  return parts.length === 4 && parts.every((n) => Number.isInteger(n) && n >= 0 && n <= UNITS) ? parts : undefined;
}

/** The caption that the fields make, in the trained order (A3 with D2 to D5 mended). */
export function captionOfForm(form: Form): Json {
  const style: { [key: string]: Json } = {};
  if (form.aes) style.aesthetics = form.aes;
  if (form.light) style.lighting = form.light;
  const med = form.med || MEDIA[0];
  const isPhoto = med === MEDIA[0];
  if (isPhoto && form.cam) style.photo = form.cam;
  style.medium = med;
  if (!isPhoto && form.cam) style.art_style = form.cam;
  const palette = paletteTokens(form.cp);
  if (palette.length > 0) style.color_palette = palette;
  const elements = form.els
    .filter((e) => e.desc !== '' || (e.type === 'text' && e.text !== ''))
    .map((e) => {
      const kind = e.type === 'text' ? 'text' : 'obj';
      const element: { [key: string]: Json } = { type: kind };
      const box = boxOf(e.bbox);
      if (box) element.bbox = box;
      if (kind === 'text') element.text = e.text;
      element.desc = e.desc;
      return element;
    });
  return {
    high_level_description: form.hld,
    style_description: style,
    compositional_deconstruction: { background: form.bg, elements },
  };
}

export interface Opened {
  text: string;
  parses: boolean;
}

/** The document of a stored row: its exact text where there is one, else what the fields make. */
export function textOfForm(form: Form): Opened {
  if (form.rawJson.trim() === '') return { text: write(captionOfForm(form)), parses: true };
  const parsed = parse(form.rawJson);
  return { text: form.rawJson, parses: parsed.ok && isDict(parsed.root.value) };
}

export interface FormSettings {
  width: number;
  height: number;
  preset: string;
  seed: string;
  format: string;
}

/** form_json of a document: the fields as the original fills them, the exact text in rawJson. */
export function formOf(text: string, settings: FormSettings, extra: object = {}): string {
  const parsed = parse(text);
  const c = read(parsed.ok ? parsed.root.value : null);
  return JSON.stringify({
    hld: c.hld,
    aes: c.aesthetics,
    light: c.lighting,
    med: c.medium || MEDIA[0],
    cam: c.look,
    bg: c.background,
    cp: c.palette.join(', '),
    els: (c.elements.length > 0 ? c.elements : [{ kind: 'obj', text: '', box: null, desc: '' } as const]).map(
      (e, i) => ({
        id: String(i + 1),
        type: e.kind,
        text: e.text,
        bbox: e.box ? e.box.join(',') : '',
        desc: e.desc,
      }),
    ),
    w: settings.width,
    h: settings.height,
    preset: settings.preset,
    seed: settings.seed,
    format: settings.format,
    rawJson: text,
    _savedAt: new Date().toISOString(),
    x: extra,
  });
}
