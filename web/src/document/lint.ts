// What is wrong, doubtful or unusual in a caption and its size, with a remedy where there is one.
// Pure, and its results are plain data, so that it runs in a worker; words are added in use-lint.ts.
// Rules: docs/captions.md and what the model is known to do badly.
import { advise } from './lint-advice';
import { judge } from './lint-structure';
import type { Fix } from './lint-fix';
import { parse, type Node, type Path } from './json';

export type Level = 'error' | 'warning' | 'hint';

export const RULES = [
  'not-object',
  'missing',
  'wrong-type',
  'element-type',
  'no-desc',
  'no-text',
  'text-on-object',
  'two-looks',
  'no-look',
  'box',
  'colour',
  'colours-max',
  'size',
  'bytes',
  'order',
  'unknown-key',
  'style-part',
  'escapes',
  'few-words',
  'long-description',
  'long-element',
  'tokens',
  'overlap',
  'tight-text',
  'many-texts',
  'long-text',
  'coverage',
  'colours-total',
  'ratio',
  'camera-words',
  'medium-kind',
  'text-not-described',
  'empty-element',
] as const;
export type Rule = (typeof RULES)[number];

export interface Finding {
  level: Level;
  rule: Rule;
  path: Path; // of the value it is about; the nearest one that exists when it is absent
  also?: Path; // the other one of a pair
  args: (string | number)[]; // for the sentence
  fix: Fix | null;
}

export interface Size {
  width: number;
  height: number;
}

export interface Limits {
  min: number;
  max: number;
  multiple: number;
  palette: number;
  elementPalette: number;
  captionBytes: number;
}

export const LIMITS: Limits = { min: 256, max: 2048, multiple: 16, palette: 16, elementPalette: 5, captionBytes: 262_144 };

const RANK: Record<Level, number> = { error: 0, warning: 1, hint: 2 };
const RATIO_MAX = 6;

function sizeFindings({ width, height }: Size, limits: Limits): Finding[] {
  const nearest = (n: number) =>
    Math.min(limits.max, Math.max(limits.min, Math.round(n / limits.multiple) * limits.multiple));
  const [w, h] = [nearest(width), nearest(height)];
  const found: Finding[] = [];
  if (w !== width || h !== height) {
    found.push({
      level: 'error',
      rule: 'size',
      path: [],
      args: [width, height, limits.min, limits.max, limits.multiple],
      fix: { do: 'size', label: 'nearest', width: w, height: h },
    });
  }
  const ratio = Math.max(width, height) / Math.max(1, Math.min(width, height));
  if (ratio > RATIO_MAX) found.push({ level: 'warning', rule: 'ratio', path: [], args: [RATIO_MAX], fix: null });
  return found;
}

/** Findings, errors first, in the order of the text. A text that is no JSON has none. */
export function lint(text: string, size: Size, limits: Limits): Finding[] {
  const parsed = parse(text);
  if (!parsed.ok) return [];
  const { root } = parsed;
  const found =
    root.kind === 'object'
      ? [...judge(text, root, limits), ...advise(root.value, size, limits), ...sizeFindings(size, limits)]
      : [{ level: 'error', rule: 'not-object', path: [], args: [], fix: null } satisfies Finding];
  return found.sort((a, b) => RANK[a.level] - RANK[b.level]);
}

/** Where a finding stands in the text, for marks: its value, else the nearest value around it. */
export function spanOf(root: Node, path: Path): { start: number; end: number } {
  let node = root;
  let span = { start: root.start, end: Math.min(root.end, root.start + 1) };
  for (const step of path) {
    const entry = typeof step === 'string' ? node.entries?.findLast((e) => e.key === step) : undefined;
    const next = typeof step === 'number' ? node.items?.[step] : entry?.node;
    if (!next) break;
    node = next;
    const isLong = node.kind === 'object' || node.kind === 'array';
    span = { start: entry?.keyStart ?? node.start, end: isLong ? node.start + 1 : node.end };
  }
  return span;
}
