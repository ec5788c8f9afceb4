// The rules of the schema: parts, types, order, boxes, colours.
import { BACKGROUND, COMPOSITION, ELEMENTS, HLD, MEDIA, ORDER, STYLE, UNITS, elementPath, isBox, isDict } from './caption';
import { isExact, toColour } from './colours';
import { find, type Json, type Node, type Path } from './json';
import type { Fix } from './lint-fix';
import type { Finding, Level, Limits, Rule } from './lint';

type Add = (level: Level, rule: Rule, path: Path, args?: (string | number)[], fix?: Fix | null) => void;

const insert = (path: Path, value: Json): Fix => ({ do: 'put', label: 'insert', path, value });
const remove = (path: Path): Fix => ({ do: 'remove', label: 'remove', path });
const isBlank = (v: Json | undefined): boolean => v === undefined || (typeof v === 'string' && v.trim() === '');

function keysOf(node: Node, path: Path, known: readonly string[], add: Add): void {
  for (const key of new Set((node.entries ?? []).map((e) => e.key))) {
    if (!known.includes(key)) add('warning', 'unknown-key', [...path, key], [key], remove([...path, key]));
  }
}

function orderOf(node: Node, path: Path, order: readonly string[], add: Add): void {
  const present = (node.entries ?? []).map((e) => e.key).filter((k) => order.includes(k));
  const wanted = order.filter((k) => present.includes(k));
  if (present.length !== wanted.length || present.every((k, i) => k === wanted[i])) return;
  add('warning', 'order', path, [wanted.join(', ')], { do: 'order', label: 'order', path, order });
}

function palette(value: Json, path: Path, most: number, add: Add): void {
  if (!Array.isArray(value)) {
    add('error', 'wrong-type', path, ['color_palette'], remove(path));
    return;
  }
  if (value.length > most) {
    add('error', 'colours-max', path, [value.length, most], { do: 'put', label: 'trim', path, value: value.slice(0, most) });
  }
  value.forEach((entry, i) => {
    if (typeof entry === 'string' && isExact(entry)) return;
    const colour = typeof entry === 'string' ? toColour(entry) : null;
    const at = [...path, i];
    const shown = typeof entry === 'string' ? entry : JSON.stringify(entry);
    add('error', 'colour', at, [shown], colour ? { do: 'put', label: 'mend', path: at, value: colour } : remove(at));
  });
}

/** The box that was meant: rounded, within the picture, its edges the right way round. */
function mendedBox(value: Json): Json | null {
  if (!Array.isArray(value) || value.length !== 4) return null;
  const n = value.map((v) => (typeof v === 'number' || (typeof v === 'string' && v.trim() !== '') ? Number(v) : Number.NaN));
  if (n.some((v) => !Number.isFinite(v))) return null;
  const [a, b, c, d] = n.map((v) => Math.min(UNITS, Math.max(0, Math.round(v)))) as [number, number, number, number];
  const box = [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
  return isBox(box) ? box : null;
}

function element(node: Node, index: number, limits: Limits, add: Add): void {
  const path = elementPath(index);
  const e = node.value;
  if (!isDict(e)) {
    add('error', 'wrong-type', path, ['element'], remove(path));
    return;
  }
  const isText = e.type === 'text';
  if (e.type !== 'text' && e.type !== 'obj') {
    const kind = isBlank(e.text) ? 'obj' : 'text';
    const shown = e.type === undefined ? '' : typeof e.type === 'string' ? e.type : JSON.stringify(e.type);
    add('error', 'element-type', [...path, 'type'], [shown], { do: 'put', label: 'convert', path: [...path, 'type'], value: kind });
    return;
  }
  const saysNothing = isBlank(e.desc) && isBlank(e.text);
  if (saysNothing) {
    add('hint', 'empty-element', path, [], remove(path));
  } else {
    if (e.desc !== undefined && typeof e.desc !== 'string') add('error', 'wrong-type', [...path, 'desc'], ['desc'], insert([...path, 'desc'], ''));
    else if (isBlank(e.desc)) {
      const told = isText && typeof e.text === 'string' ? `the words “${e.text.trim()}”` : null;
      add('error', 'no-desc', [...path, 'desc'], [], told ? insert([...path, 'desc'], told) : remove(path));
    }
    if (isText && isBlank(e.text)) {
      add('error', 'no-text', [...path, 'text'], [], { do: 'object', label: 'object', path });
    } else if (isText && typeof e.text !== 'string') {
      add('error', 'wrong-type', [...path, 'text'], ['text'], insert([...path, 'text'], String(e.text)));
    } else if (!isText && 'text' in e) {
      add('error', 'text-on-object', [...path, 'text'], [], remove([...path, 'text']));
    }
  }
  if (e.bbox !== undefined && !isBox(e.bbox)) {
    const mended = mendedBox(e.bbox);
    const at = [...path, 'bbox'];
    add('error', 'box', at, [JSON.stringify(e.bbox)], mended ? { do: 'put', label: 'mendBox', path: at, value: mended } : remove(at));
  }
  if (e.color_palette !== undefined) palette(e.color_palette, [...path, 'color_palette'], limits.elementPalette, add);
  keysOf(node, path, ORDER.text, add);
  orderOf(node, path, isText ? ORDER.text : ORDER.obj, add);
}

function style(node: Node, limits: Limits, add: Add): void {
  const s = node.value;
  if (!isDict(s)) {
    add('error', 'wrong-type', STYLE, ['style_description'], remove(STYLE));
    return;
  }
  const fits = (s.medium ?? MEDIA[0]) === MEDIA[0] ? 'photo' : 'art_style';
  const has = (key: string) => s[key] !== undefined;
  if (has('photo') && has('art_style')) {
    add('error', 'two-looks', STYLE, [], { do: 'look', label: fits === 'photo' ? 'keepPhoto' : 'keepArt', keep: fits });
  } else if (!has('photo') && !has('art_style')) {
    add('error', 'no-look', STYLE, [], insert([...STYLE, fits], ''));
  }
  for (const key of ['aesthetics', 'lighting', 'medium'] as const) {
    const path = [...STYLE, key];
    if (!has(key)) add('warning', 'style-part', path, [key], insert(path, key === 'medium' ? (has('art_style') ? 'illustration' : MEDIA[0]) : ''));
  }
  for (const key of ['aesthetics', 'lighting', 'medium', 'photo', 'art_style']) {
    const path = [...STYLE, key];
    if (has(key) && typeof s[key] !== 'string') add('error', 'wrong-type', path, [key], insert(path, ''));
  }
  if (s.color_palette !== undefined) palette(s.color_palette, [...STYLE, 'color_palette'], limits.palette, add);
  keysOf(node, STYLE, [...ORDER.photo, 'art_style'], add);
  if (!(has('photo') && has('art_style'))) orderOf(node, STYLE, has('art_style') ? ORDER.art : ORDER.photo, add);
}

function composition(node: Node, limits: Limits, add: Add): void {
  const c = node.value;
  if (!isDict(c)) {
    add('error', 'wrong-type', COMPOSITION, ['compositional_deconstruction'], insert(COMPOSITION, { background: '', elements: [] }));
    return;
  }
  if (c.background === undefined) add('error', 'missing', BACKGROUND, ['background'], insert(BACKGROUND, ''));
  else if (typeof c.background !== 'string') add('error', 'wrong-type', BACKGROUND, ['background'], insert(BACKGROUND, ''));
  if (c.elements === undefined) add('error', 'missing', ELEMENTS, ['elements'], insert(ELEMENTS, []));
  else if (!Array.isArray(c.elements)) add('error', 'wrong-type', ELEMENTS, ['elements'], insert(ELEMENTS, []));
  find(node, ['elements'])?.items?.forEach((item, i) => element(item, i, limits, add));
  keysOf(node, COMPOSITION, ORDER.composition, add);
  orderOf(node, COMPOSITION, ORDER.composition, add);
}

const ESCAPED = /(?:^|[^\\])(?:\\\\)*\\u([0-9a-f]{4})/gi;

function hasEscapes(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- "is all of it ASCII?" is the question
  if (!/^[\x00-\x7f]*$/.test(text)) return false;
  return [...text.matchAll(ESCAPED)].some((m) => Number.parseInt(m[1]!, 16) >= 0xa0);
}

export function judge(text: string, root: Node, limits: Limits): Finding[] {
  const found: Finding[] = [];
  const add: Add = (level, rule, path, args = [], fix = null) => found.push({ level, rule, path, args, fix });
  const value = root.value;
  if (!isDict(value)) return found;
  const size = new TextEncoder().encode(text).length;
  if (size > limits.captionBytes) add('error', 'bytes', [], [size, limits.captionBytes]);
  if (hasEscapes(text)) add('warning', 'escapes', [], [], { do: 'literal', label: 'literal' });
  if (value.high_level_description !== undefined && typeof value.high_level_description !== 'string') {
    add('error', 'wrong-type', HLD, ['high_level_description'], insert(HLD, ''));
  }
  const styleNode = find(root, STYLE);
  if (styleNode) style(styleNode, limits, add);
  const compositionNode = find(root, COMPOSITION);
  if (compositionNode) composition(compositionNode, limits, add);
  else add('error', 'missing', COMPOSITION, ['compositional_deconstruction'], insert(COMPOSITION, { background: '', elements: [] }));
  keysOf(root, [], ORDER.root, add);
  return found;
}
