// Remedies as data, and what they do. Each touches only what it is about.
import { all, put, STYLE, ORDER, isDict, type Edit } from './caption';
import { find, parse, set, type Json, type Path } from './json';
import type { Settings } from './store';

export type FixLabel = 'insert' | 'remove' | 'convert' | 'keepPhoto' | 'keepArt' | 'nearest' | 'mendBox' | 'mend' | 'trim' | 'order' | 'literal' | 'object';

export type Fix = { label: FixLabel } & (
  | { do: 'put'; path: Path; value: Json }
  | { do: 'remove'; path: Path }
  | { do: 'order'; path: Path; order: readonly string[] }
  | { do: 'look'; keep: 'photo' | 'art_style' }
  | { do: 'object'; path: Path } // a text element without a text
  | { do: 'literal' }
  | { do: 'size'; width: number; height: number }
);

/** Puts the known keys of an object into their order; unknown ones stay where they are. */
const reorder =
  (path: Path, order: readonly string[]): Edit =>
  (text) => {
    const parsed = parse(text);
    const entries = parsed.ok ? find(parsed.root, path)?.entries : undefined;
    if (!entries) return text;
    const known = entries.filter((e) => order.includes(e.key));
    const sorted = [...known].sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
    let result = text;
    for (let i = known.length - 1; i >= 0; i--) {
      const slot = known[i]!;
      const entry = sorted[i]!;
      result = result.slice(0, slot.keyStart) + text.slice(entry.keyStart, entry.node.end) + result.slice(slot.node.end);
    }
    return result;
  };

/** One of the two looks, under its key at its place; what the other said is kept if it is all there is. */
const keepLook =
  (keep: 'photo' | 'art_style'): Edit =>
  (text) => {
    const other = keep === 'photo' ? 'art_style' : 'photo';
    const parsed = parse(text);
    const style = parsed.ok ? find(parsed.root, STYLE)?.value : undefined;
    if (!isDict(style)) return text;
    const said = [style[keep], style[other]].find((v) => typeof v === 'string' && v !== '') ?? '';
    const order = keep === 'photo' ? ORDER.photo : ORDER.art;
    const without = set(text, [...STYLE, other], undefined);
    const kept = style[keep] === said ? without : set(without, [...STYLE, keep], said, order);
    return reorder(STYLE, order)(kept); // the one that is kept may have stood where the other belongs
  };

const ESCAPE = /\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})/gi;

/** Letters beyond ASCII as they are instead of as \u escapes. */
const literal: Edit = (text) =>
  text.replace(ESCAPE, (all: string, high?: string, low?: string, one?: string) => {
    if (high && low) return String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16));
    const code = one ? Number.parseInt(one, 16) : 0;
    return code >= 0xa0 && (code < 0xd800 || code > 0xdfff) ? String.fromCharCode(code) : all;
  });

export function editOf(fix: Fix): Edit {
  switch (fix.do) {
    case 'put':
      return put(fix.path, fix.value);
    case 'remove':
      return put(fix.path, undefined);
    case 'order':
      return reorder(fix.path, fix.order);
    case 'look':
      return keepLook(fix.keep);
    case 'object':
      return all(put([...fix.path, 'type'], 'obj'), put([...fix.path, 'text'], undefined));
    case 'literal':
      return literal;
    case 'size':
      return (text) => text;
  }
}

export function settingsOf(fix: Fix): Partial<Settings> | null {
  return fix.do === 'size' ? { width: fix.width, height: fix.height } : null;
}
