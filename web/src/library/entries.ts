// What a row of the history shows of an entry, and the rows in days.
import type { Entry } from '@/api/types';
import { read, type Caption } from '@/document/caption';
import { captionOfForm, readForm, textOfForm } from '@/document/form';
import { parse, type Json } from '@/document/json';
import { localDay } from './days';

export interface EntryFacts {
  width: number;
  height: number;
  preset: string;
  caption: Caption;
}

/** The caption as it was sent; undefined: it cannot be read. */
export function captionOf(formJson: string): Json | undefined {
  const form = readForm(formJson);
  if (!form) return undefined;
  const parsed = parse(textOfForm(form).text);
  return parsed.ok ? parsed.root.value : captionOfForm(form);
}

/** null: the stored form cannot be read. */
export function factsOf(formJson: string): EntryFacts | null {
  const form = readForm(formJson);
  const caption = captionOf(formJson);
  if (!form || caption === undefined) return null;
  return {
    width: form.w ?? 0,
    height: form.h ?? 0,
    preset: form.preset ?? '',
    caption: read(caption),
  };
}

export type EntryRow = { kind: 'day'; day: string; count: number } | { kind: 'entry'; entry: Entry };

export const ABOVE = 'above'; // instead of a day

/** What is pinned, then newest first, as the server says, under their local days. Each is shown once. */
export function rowsOf(entries: readonly Entry[], above: readonly Entry[] = []): EntryRow[] {
  const rows: EntryRow[] = [];
  const seen = new Set(above.map((entry) => entry.id));
  if (above.length > 0) rows.push({ kind: 'day', day: ABOVE, count: above.length });
  for (const entry of above) rows.push({ kind: 'entry', entry });
  let heading: Extract<EntryRow, { kind: 'day' }> | undefined;
  for (const entry of entries) {
    if (seen.has(entry.id)) continue;
    seen.add(entry.id);
    const day = localDay(entry.saved_at);
    if (heading?.day !== day) rows.push((heading = { kind: 'day', day, count: 0 }));
    heading.count++;
    rows.push({ kind: 'entry', entry });
  }
  return rows;
}
