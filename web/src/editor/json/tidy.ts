// Lays a JSON text out anew; keys, their order, numbers and texts stay as they were typed.
import { parse, type Node } from '@/document/json';

const LINE_MAX = 72; // lists of plain values stay on a line up to this

function isPlain(node: Node): boolean {
  return !node.items && !node.entries;
}

function render(text: string, node: Node, indent: string): string {
  if (isPlain(node)) return text.slice(node.start, node.end);
  const deeper = `${indent}  `;
  if (node.items) {
    if (node.items.length === 0) return '[]';
    const items = node.items.map((item) => render(text, item, deeper));
    const line = `[${items.join(', ')}]`;
    if (node.items.every(isPlain) && indent.length + line.length <= LINE_MAX) return line;
    return `[\n${items.map((item) => deeper + item).join(',\n')}\n${indent}]`;
  }
  const entries = node.entries ?? [];
  if (entries.length === 0) return '{}';
  const lines = entries.map((e) => `${deeper}${JSON.stringify(e.key)}: ${render(text, e.node, deeper)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

export function tidy(text: string): string {
  const parsed = parse(text);
  return parsed.ok ? render(text, parsed.root, '') : text;
}
