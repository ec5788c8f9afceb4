import { describe, expect, it } from 'vitest';
import type { Entry } from '@/api/types';
import { localDay } from './days';
import { factsOf, rowsOf } from './entries';

const entry = (id: number, saved_at: string): Entry => ({ id, saved_at, hld: '', form_json: '', images: 0, cover: null });

describe('rows of the history', () => {
  it('stand under their days, each once, with their number', () => {
    const list = [entry(3, '2026-03-02 12:30:00'), entry(2, '2026-03-02 12:00:00'), entry(2, '2026-03-02 12:00:00'), entry(1, '2026-02-01 12:00:00')];
    const rows = rowsOf(list);
    expect(rows.map((r) => (r.kind === 'day' ? `${r.day} ${r.count}` : r.entry.id))).toEqual([
      `${localDay('2026-03-02 12:00:00')} 2`, 3, 2, `${localDay('2026-02-01 12:00:00')} 1`, 1,
    ]);
  });
});

describe('facts of an entry', () => {
  it('come from its exact text, or from its fields', () => {
    const rawJson = JSON.stringify({ compositional_deconstruction: { elements: [{ type: 'obj', bbox: [0, 0, 10, 10], desc: 'x' }] } });
    expect(factsOf(JSON.stringify({ w: 384, h: 256, preset: 'P', rawJson }))).toMatchObject({ width: 384, height: 256, preset: 'P' });
    expect(factsOf(JSON.stringify({ rawJson }))?.caption.elements[0]?.box).toEqual([0, 0, 10, 10]);
    expect(factsOf(JSON.stringify({ rawJson: '{broken', hld: 'a sign' }))?.caption.hld).toBe('a sign');
  });
  it('are none where there is no form', () => {
    expect(factsOf('no json')).toBeNull();
    expect(factsOf('[1]')).toBeNull();
  });
});

describe('localDay', () => {
  it('agrees with the clock of this place', () => {
    for (const time of ['2026-06-30 23:59:59', '2026-01-01 00:00:00', '2026-06-30 21:59', '2026-06-30 22:01:00']) {
      const d = new Date(`${time.replace(' ', 'T')}Z`);
      const two = (n: number) => String(n).padStart(2, '0');
      expect(localDay(time)).toBe(`${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`);
    }
  });
});
