// What a run of Magic Prompt replaced, for the comparison afterwards.
import { read } from '@/document/caption';
import { parse } from '@/document/json';

export interface Review {
  key: string; // of the draft it belongs to
  before: string;
  after: string;
}

/** Whether there is anything that a run could take away. */
export function hasContent(text: string): boolean {
  const parsed = parse(text);
  if (!parsed.ok) return false;
  const c = read(parsed.root.value);
  return c.hld.trim() !== '' || c.background.trim() !== '' || c.hasStyle || c.elements.length > 0;
}
