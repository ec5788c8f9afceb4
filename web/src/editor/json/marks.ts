// Where in the text the findings of the check are.
import type { Diagnostic } from '@codemirror/lint';
import { find, parse, type ParseError } from '@/document/json';
import type { LintItem } from '@/document/use-lint';

export function marksOf(text: string, error: ParseError | null, message: string, items: LintItem[]): Diagnostic[] {
  if (error) {
    const from = Math.min(error.offset, text.length);
    return [{ from, to: Math.min(text.length, from + 1), severity: 'error', message }];
  }
  const parsed = parse(text);
  if (!parsed.ok) return [];
  return items
    .flatMap((item): Diagnostic[] => {
      // A part that is missing is marked at what it is missing in.
      for (let depth = item.path.length; depth >= 0; depth--) {
        const node = find(parsed.root, item.path.slice(0, depth));
        if (!node) continue;
        const whole = node.items || node.entries;
        const fix = item.fix;
        return [
          {
            from: node.start,
            to: whole ? node.start + 1 : node.end,
            severity: item.level === 'hint' ? 'info' : item.level,
            message: item.text,
            actions: fix ? [{ name: fix.label, apply: () => fix.apply() }] : [],
          },
        ];
      }
      return [];
    })
    .toSorted((a, b) => a.from - b.from);
}
