// What Magic Prompt wrote, joined with what a person keeps.
import { ELEMENTS, put } from '@/document/caption';
import { find, parse, write, type Json } from '@/document/json';

function elementsOf(text: string): Json[] {
  const parsed = parse(text);
  const list = parsed.ok ? find(parsed.root, ELEMENTS)?.value : undefined;
  return Array.isArray(list) ? list : [];
}

/** The written caption, with a person's own elements in the place of the written ones if wanted. */
export function captionText(caption: Json, before: string, keepElements: boolean): string {
  const text = write(caption);
  const mine = elementsOf(before);
  return keepElements && mine.length > 0 ? put(ELEMENTS, mine)(text) : text;
}
