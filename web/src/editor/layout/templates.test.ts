import { describe, expect, it } from 'vitest';
import { isBox, read } from '@/document/caption';
import type { Json } from '@/document/json';
import { fill, TEMPLATES } from './templates';

describe('templates', () => {
  it('have boxes that are boxes', () => {
    for (const { id, slots } of TEMPLATES) {
      for (const slot of slots) expect(isBox([...slot.box]), id).toBe(true);
    }
  });

  it('keep what elements say', () => {
    const values: Json[] = [
      { type: 'obj', desc: 'a cat', extra: 1 },
      { type: 'obj', bbox: [0, 0, 10, 10], desc: 'a dog' },
      { type: 'text', text: 'HI', desc: 'red' },
    ];
    const { elements } = read({ compositional_deconstruction: { elements: values } });
    const filled = fill(TEMPLATES[1]!.slots, elements, values, false);
    expect(filled).toEqual([
      { type: 'text', bbox: [330, 80, 540, 920], text: 'HI', desc: 'red' },
      { type: 'text', bbox: [580, 180, 680, 820], text: '', desc: '' },
      { type: 'obj', desc: 'a cat', extra: 1 },
      { type: 'obj', desc: 'a dog' },
    ]);
    expect(Object.keys(filled[0] as object)).toEqual(['type', 'bbox', 'text', 'desc']);
  });
});
