import { describe, expect, it } from 'vitest';
import { countOf, drop, EVERYTHING, extend, heir, isSelected, NOTHING, toggle } from './selection';

const order = [9, 8, 7, 6, 5];

describe('selection', () => {
  it('toggles one', () => {
    const one = toggle(NOTHING, 7);
    expect(isSelected(one, 7)).toBe(true);
    expect(countOf(one, 100)).toBe(1);
    expect(countOf(toggle(one, 7), 100)).toBe(0);
  });
  it('extends in both directions and keeps what there is', () => {
    const up = extend(toggle(NOTHING, 9), order, 5, 7);
    expect([...(up.kind === 'some' ? up.ids : [])].toSorted()).toEqual([5, 6, 7, 9]);
    expect(countOf(extend(NOTHING, order, 9, 7), 100)).toBe(3);
    expect(countOf(extend(NOTHING, order, 1234, 7), 100)).toBe(1);
    expect(extend(NOTHING, order, 9, 1234)).toBe(NOTHING);
  });
  it('means all, also what is not loaded, but a few', () => {
    expect(countOf(EVERYTHING, 10_000)).toBe(10_000);
    const but = toggle(EVERYTHING, 8);
    expect(isSelected(but, 8)).toBe(false);
    expect(isSelected(but, 31_337)).toBe(true);
    expect(countOf(but, 10_000)).toBe(9_999);
    expect(countOf(extend(but, order, 9, 7), 10_000)).toBe(10_000);
  });
  it('drops what is gone', () => {
    expect(countOf(drop(extend(NOTHING, order, 9, 5), new Set([8, 7])), 0)).toBe(3);
    expect(countOf(drop(toggle(EVERYTHING, 8), new Set([8])), 9)).toBe(9);
  });
  it('leaves the focus to a neighbour', () => {
    const gone = (...ids: number[]) => (id: number) => ids.includes(id);
    expect(heir(order, gone(8), 8)).toBe(7);
    expect(heir(order, gone(5, 6), 5)).toBe(7);
    expect(heir(order, gone(...order), 5)).toBeNull();
    expect(heir(order, gone(9), 1234)).toBe(8);
  });
});
