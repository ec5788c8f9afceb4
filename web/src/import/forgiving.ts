// A caption out of any text: as it is, fenced, wrapped, encoded once more, with commas too many, or
// somewhere inside of another program's data. What had to be repaired is listed.
import { isDict } from '@/document/caption';
import { parse, type Json, type Node } from '@/document/json';

export const DEPTH_MAX = 32;
const ROUNDS_MAX = 6; // wrappings inside of wrappings
const NODES_MAX = 50_000;
const MARK = 'compositional_deconstruction';

export type Repair = 'bom' | 'fence' | 'around' | 'envelope' | 'encoded' | 'commas';
type Dict = { [key: string]: Json };

export interface Found {
  text: string; // the caption, exactly as it stood
  around: Dict[]; // the objects that it was in, from outside in, itself last
  repairs: Repair[];
}

export type Search = { found: Found } | { trouble: 'tooDeep' | 'notJson' | 'noCaption' };

/** How deep brackets nest, outside of texts; stops counting beyond the limit. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (c === '{' || c === '[') {
      if (++depth > DEPTH_MAX) return true;
    } else if ((c === '}' || c === ']') && depth > 0) depth--;
  }
  return false;
}

const isCaption = (value: Json): value is Dict =>
  isDict(value) && (isDict(value[MARK]) || (typeof value.high_level_description === 'string' && !('caption' in value)));

/** Without commas before a closing bracket. */
export function withoutCommas(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') {
      const start = i;
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
      out += text.slice(start, i + 1);
      continue;
    }
    if (c === ',') {
      let next = i + 1;
      while (/\s/.test(text[next] ?? '')) next++;
      if (text[next] === '}' || text[next] === ']') continue;
    }
    out += c;
  }
  return out;
}

/** The stretch from a brace to the one that closes it; null: none does. */
function balanced(text: string, from: number): string | null {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (c === '{') depth++;
    else if (c === '}' && --depth === 0) return text.slice(from, i + 1);
  }
  return null;
}

/** An object with a composition inside of other text. */
function embedded(text: string): string | null {
  const mark = text.indexOf(MARK);
  if (mark < 0) return null;
  // From the outermost brace before it inwards; a bounded number of tries.
  let from = text.indexOf('{');
  for (let tries = 0; tries < 20 && from >= 0 && from < mark; tries++) {
    const part = balanced(text, from);
    if (part && part.includes(MARK) && part.length < text.trim().length) return part;
    from = text.indexOf('{', from + 1);
  }
  return null;
}

interface Inside {
  text: string;
  around: Dict[];
  encoded: boolean;
}

/** A caption, or a text with one, anywhere in a parsed value. */
function inside(text: string, root: Node): Inside | null {
  const queue: { node: Node; around: Dict[] }[] = [{ node: root, around: [] }];
  let texts: Inside | null = null;
  for (let at = 0; at < queue.length && at < NODES_MAX; at++) {
    const { node, around } = queue[at]!;
    if (isCaption(node.value)) {
      return { text: text.slice(node.start, node.end), around: [...around, node.value], encoded: false };
    }
    if (node.kind === 'string' && (node.value as string).includes(MARK)) {
      texts ??= { text: node.value as string, around, encoded: true };
    }
    const next = isDict(node.value) ? [...around, node.value] : around;
    for (const child of node.items ?? node.entries?.map((e) => e.node) ?? []) queue.push({ node: child, around: next });
  }
  return texts;
}

/** Texts in quotes without their quotes: {\"a\": 1}. */
function unquoted(text: string): string | null {
  if (!/^\s*\{(\s|\\[nrt])*\\"/.test(text)) return null;
  try {
    const value: unknown = JSON.parse(`"${text.trim().replace(/\n/g, '\\n')}"`);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

export function findCaption(input: string): Search {
  const repairs: Repair[] = [];
  let around: Dict[] = [];
  let text = input;
  const note = (repair: Repair) => {
    if (!repairs.includes(repair)) repairs.push(repair);
  };
  if (text.startsWith('\uFEFF')) {
    text = text.slice(1);
    note('bom');
  }
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (isTooDeep(text)) return { trouble: 'tooDeep' };
    const parsed = parse(text);
    if (parsed.ok) {
      if (isCaption(parsed.root.value)) {
        return { found: { text, around: [...around, parsed.root.value], repairs } };
      }
      if (parsed.root.kind === 'string') {
        text = parsed.root.value as string;
        note('encoded');
        continue;
      }
      const part = inside(text, parsed.root);
      if (!part) return { trouble: 'noCaption' };
      text = part.text;
      around = [...around, ...(part.encoded ? part.around : part.around.slice(0, -1))];
      note('envelope');
      if (part.encoded) note('encoded');
      continue;
    }
    const fence = /```[\w-]*[ \t]*\r?\n([\s\S]*?)```/.exec(text)?.[1];
    if (fence?.includes('{')) {
      text = fence.trim();
      note('fence');
      continue;
    }
    const mended = withoutCommas(text);
    if (mended !== text && parse(mended).ok) {
      text = mended;
      note('commas');
      continue;
    }
    const part = unquoted(text);
    if (part !== null) {
      text = part;
      note('encoded');
      continue;
    }
    const within = embedded(text);
    if (within === null) return { trouble: 'notJson' };
    text = within;
    note('around');
  }
  return { trouble: 'noCaption' };
}
