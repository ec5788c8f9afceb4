// What a row of the history shows of an entry, and the rows in days.
import type { Entry } from '@/api/types';
import { read, type Caption } from '@/document/caption';
import { captionOfForm, readForm, textOfForm } from '@/document/form';
import { parse } from '@/document/json';
import { localDay } from './days';

export interface EntryFacts {
  width: number;
  height: number;
  preset: string;
  caption: Caption;
}

/** null: the stored form cannot be read. */
export function factsOf(formJson: string): EntryFacts | null {
  const form = readForm(formJson);
  if (!form) return null;
  const parsed = parse(textOfForm(form).text);
  return {
    width: form.w ?? 0,
    height: form.h ?? 0,
    preset: form.preset ?? '',
    caption: read(parsed.ok ? parsed.root.value : captionOfForm(form)),
  };
}

export type EntryRow = { kind: 'day'; day: string; count: number } | { kind: 'entry'; entry: Entry };

/** Newest first, as the server says, under their local days. An entry is shown once. */
export function rowsOf(entries: readonly Entry[]): EntryRow[] {
  const rows: EntryRow[] = [];
  const seen = new Set<number>();
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
