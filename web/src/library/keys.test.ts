import { describe, expect, it } from 'vitest';
import { keyMove } from './keys';
import { layOut } from './layout';

const items = Array.from({ length: 23 }, () => ({ w: 1, h: 1 }));
const { bands } = layOut(items, { width: 1016, height: 200, gap: 4, heading: 0, day: null, total: 23 });
const go = (key: string, index: number, ctrlKey = false) =>
  keyMove({ key, ctrlKey, metaKey: false, altKey: false }, bands, index, 23, 2);

describe('keys of the grid', () => {
  it('moves along the reading order and stops at the ends', () => {
    expect([go('ArrowRight', 4), go('ArrowLeft', 5), go('ArrowLeft', 0), go('ArrowRight', 22)]).toEqual([5, 4, 0, 22]);
  });
  it('moves between rows', () => {
    expect([go('ArrowDown', 1), go('ArrowUp', 6), go('PageDown', 1), go('PageUp', 11)]).toEqual([6, 1, 11, 1]);
  });
  it('goes to the ends of a row and of all', () => {
    expect([go('Home', 7), go('End', 7), go('Home', 7, true), go('End', 7, true)]).toEqual([5, 9, 0, 22]);
  });
  it('leaves other keys alone', () => {
    expect(go('x', 3)).toBeNull();
  });
});
