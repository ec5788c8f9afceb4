// JSON as text that can be edited in one place while everything else stays as it was typed: key
// order, unknown keys, number formatting, white space. The document of the editor is such a text.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Path = readonly (string | number)[];

export interface Node {
  kind: 'object' | 'array' | 'string' | 'number' | 'literal';
  start: number;
  end: number;
  value: Json;
  entries?: { key: string; keyStart: number; node: Node }[];
  items?: Node[];
}

export interface ParseError {
  message: string;
  offset: number;
  line: number; // from 1
  column: number; // from 1
}

export type Parsed = { ok: true; root: Node } | { ok: false; error: ParseError };

const DEPTH_MAX = 64;

class Stop extends Error {
  constructor(
    readonly why: string,
    readonly at: number,
  ) {
    super(why);
  }
}

class Reader {
  at = 0;
  constructor(readonly text: string) {}

  blank(): void {
    while (/[ \t\r\n]/.test(this.text[this.at] ?? '')) this.at++;
  }

  fail(why: string, at = this.at): never {
    throw new Stop(why, at);
  }

  value(depth: number): Node {
    if (depth > DEPTH_MAX) this.fail('nested too deeply');
    this.blank();
    const c = this.text[this.at];
    if (c === undefined) this.fail('the text ends too early');
    if (c === '{') return this.object(depth);
    if (c === '[') return this.array(depth);
    if (c === '"') return this.string();
    return this.scalar();
  }

  string(): Node {
    const start = this.at++;
    for (;;) {
      const c = this.text[this.at];
      if (c === undefined || c === '\n') this.fail('a text without its closing quote', start);
      this.at += c === '\\' ? 2 : 1;
      if (c === '"') break;
    }
    const raw = this.text.slice(start, this.at);
    try {
      return { kind: 'string', start, end: this.at, value: JSON.parse(raw) as string };
    } catch {
      return this.fail('a text with a wrong escape or control character', start);
    }
  }

  scalar(): Node {
    const start = this.at;
    const word = /^[^\s,[\]{}":]+/.exec(this.text.slice(start, start + 400))?.[0] ?? '';
    if (word === '') this.fail(`unexpected '${this.text[start]}'`);
    if (!/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/.test(word)) {
      this.fail(`'${word.slice(0, 20)}' is no JSON value`);
    }
    this.at += word.length;
    const value = JSON.parse(word) as Json;
    return { kind: typeof value === 'number' ? 'number' : 'literal', start, end: this.at, value };
  }

  array(depth: number): Node {
    const start = this.at++;
    const items: Node[] = [];
    this.blank();
    if (this.text[this.at] !== ']') {
      for (;;) {
        items.push(this.value(depth + 1));
        this.blank();
        if (this.text[this.at] === ']') break;
        if (this.text[this.at] !== ',') this.fail("',' or ']' is missing");
        this.at++;
      }
    }
    this.at++;
    return { kind: 'array', start, end: this.at, items, value: items.map((i) => i.value) };
  }

  object(depth: number): Node {
    const start = this.at++;
    const entries: NonNullable<Node['entries']> = [];
    this.blank();
    if (this.text[this.at] !== '}') {
      for (;;) {
        this.blank();
        if (this.text[this.at] !== '"') this.fail('a key in quotes is missing');
        const key = this.string();
        this.blank();
        if (this.text[this.at] !== ':') this.fail("':' is missing");
        this.at++;
        entries.push({ key: key.value as string, keyStart: key.start, node: this.value(depth + 1) });
        this.blank();
        if (this.text[this.at] === '}') break;
        if (this.text[this.at] !== ',') this.fail("',' or '}' is missing");
        this.at++;
      }
    }
    this.at++;
    // Own properties whatever their names ("__proto__" included); the last of equal keys counts.
    const value = Object.fromEntries(entries.map((e) => [e.key, e.node.value]));
    return { kind: 'object', start, end: this.at, entries, value };
  }
}

export function place(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

export function parse(text: string): Parsed {
  const reader = new Reader(text);
  try {
    const root = reader.value(0);
    reader.blank();
    if (reader.at < text.length) reader.fail('something follows the end of the value');
    return { ok: true, root };
  } catch (e) {
    if (!(e instanceof Stop)) throw e;
    const offset = Math.min(e.at, text.length);
    return { ok: false, error: { message: e.why, offset, ...place(text, offset) } };
  }
}

export function find(root: Node, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const step of path) {
    if (!node) return undefined;
    node =
      typeof step === 'number'
        ? node.items?.[step]
        : node.entries?.findLast((entry) => entry.key === step)?.node;
  }
  return node;
}

// --- writing ---------------------------------------------------------------------------------

// Indentation of the line on which `offset` lies, and the unit of the whole text.
function indentAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  return /^[ \t]*/.exec(line)![0];
}

function unit(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
}

const SHORT = 72;

/** A value as text: short lists and objects on one line, others indented below `indent`. */
export function write(value: Json, indent = '', step = '  '): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const flat = Array.isArray(value)
    ? `[${value.map((v) => write(v)).join(', ')}]`
    : `{${Object.entries(value)
        .map(([k, v]) => `${JSON.stringify(k)}: ${write(v)}`)
        .join(', ')}}`;
  const simple = Object.values(value).every((v) => v === null || typeof v !== 'object');
  if (Array.isArray(value) ? simple && flat.length <= SHORT : Object.keys(value).length === 0) return flat;
  const inner = indent + step;
  const parts = Array.isArray(value)
    ? value.map((v) => inner + write(v, inner, step))
    : Object.entries(value).map(([k, v]) => `${inner}${JSON.stringify(k)}: ${write(v, inner, step)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}

function splice(text: string, start: number, end: number, insert: string): string {
  return text.slice(0, start) + insert + text.slice(end);
}

interface Member {
  start: number; // of key or item
  end: number; // of its value
}

function members(node: Node): Member[] {
  return node.items
    ? node.items.map((n) => ({ start: n.start, end: n.end }))
    : (node.entries ?? []).map((e) => ({ start: e.keyStart, end: e.node.end }));
}

function insertMember(text: string, parent: Node, index: number, body: (indent: string) => string): string {
  const list = members(parent);
  if (list.length === 0) {
    const indent = indentAt(text, parent.start);
    const inner = indent + unit(text);
    return splice(text, parent.start + 1, parent.end - 1, `\n${inner}${body(inner)}\n${indent}`);
  }
  const onOneLine = !text.slice(parent.start, parent.end).includes('\n');
  const gap = onOneLine ? ' ' : `\n${indentAt(text, list[0]!.start)}`;
  const indent = onOneLine ? indentAt(text, parent.start) : indentAt(text, list[0]!.start);
  if (index >= list.length) {
    const last = list[list.length - 1]!;
    return splice(text, last.end, last.end, `,${gap}${body(indent)}`);
  }
  return splice(text, list[index]!.start, list[index]!.start, `${body(indent)},${gap}`);
}

function removeMember(text: string, parent: Node, index: number): string {
  const list = members(parent);
  const member = list[index];
  if (!member) return text;
  if (list.length === 1) return splice(text, parent.start + 1, parent.end - 1, '');
  return index + 1 < list.length
    ? splice(text, member.start, list[index + 1]!.start, '')
    : splice(text, list[index - 1]!.end, member.end, '');
}

/**
 * Sets what stands at `path`, making missing objects on the way. A new key goes to its place in
 * `order` (keys that may precede it), else to the end. undefined removes. The text must parse.
 */
export function set(text: string, path: Path, value: Json | undefined, order: readonly string[] = []): string {
  const parsed = parse(text);
  if (!parsed.ok || path.length === 0) return value === undefined || !parsed.ok ? text : write(value);
  const target = find(parsed.root, path);
  const parent = find(parsed.root, path.slice(0, -1));
  const last = path[path.length - 1]!;
  if (value === undefined) {
    if (!target || !parent) return text;
    const index =
      typeof last === 'number' ? last : parent.entries!.findLastIndex((entry) => entry.key === last);
    return removeMember(text, parent, index);
  }
  if (target) {
    const written = write(value, indentAt(text, target.start), unit(text));
    return splice(text, target.start, target.end, written);
  }
  if (!parent) {
    const made = set(text, path.slice(0, -1), typeof last === 'number' ? [] : {}, order);
    return made === text ? text : set(made, path, value, order);
  }
  if (typeof last === 'number') {
    if (parent.kind !== 'array') return text;
    return insertMember(text, parent, last, (indent) => write(value, indent, unit(text)));
  }
  if (parent.kind !== 'object') return text;
  const rank = order.indexOf(last);
  const before = rank < 0 ? [] : order.slice(0, rank);
  const entries = parent.entries!;
  const after = entries.findLastIndex((entry) => before.includes(entry.key));
  const follows = entries.findIndex((entry) => order.indexOf(entry.key) > rank);
  const index = rank < 0 ? entries.length : after >= 0 ? after + 1 : follows >= 0 ? follows : 0;
  return insertMember(
    text,
    parent,
    index,
    (indent) => `${JSON.stringify(last)}: ${write(value, indent, unit(text))}`,
  );
}

/** Puts a value into the list at `path` before `index`. */
export function insertAt(text: string, path: Path, index: number, value: Json): string {
  const parsed = parse(text);
  const list = parsed.ok ? find(parsed.root, path) : undefined;
  if (list?.kind !== 'array') return text;
  return insertMember(text, list, index, (indent) => write(value, indent, unit(text)));
}

/** Moves an item of the list at `path`; the text of the items stays as it is. */
export function move(text: string, path: Path, from: number, to: number): string {
  const parsed = parse(text);
  const list = parsed.ok ? find(parsed.root, path) : undefined;
  const items = list?.items;
  if (!items || !items[from] || !items[to] || from === to) return text;
  const texts = items.map((i) => text.slice(i.start, i.end));
  texts.splice(to, 0, ...texts.splice(from, 1));
  let result = text;
  for (let i = items.length - 1; i >= 0; i--) {
    result = splice(result, items[i]!.start, items[i]!.end, texts[i]!);
  }
  return result;
}
