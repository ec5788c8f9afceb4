import { beforeEach, expect, test } from 'vitest';
import { beginSelecting, between, endSelecting, selectTo, setSelected, useSelecting } from './selection';

const ids = () => [...useSelecting.getState().ids].sort((a, b) => a - b);

beforeEach(endSelecting);

test('a range is what lies between, in either direction', () => {
  expect(between([5, 3, 9, 1], 3, 1)).toEqual([3, 9, 1]);
  expect(between([5, 3, 9, 1], 1, 3)).toEqual([3, 9, 1]);
  expect(between([5, 3], null, 3)).toEqual([3]);
  expect(between([5, 3], 7, 3)).toEqual([3]);
  expect(between([5, 3], 5, 7)).toEqual([]);
});

test('one by one, a range, a batch, and nothing any more', () => {
  beginSelecting([2]);
  expect(useSelecting.getState().isOn).toBe(true);
  setSelected([4], true);
  selectTo([1, 2, 3, 4, 5, 6], 6);
  expect(ids()).toEqual([2, 4, 5, 6]);
  setSelected([4, 5], false);
  expect(ids()).toEqual([2, 6]);
  endSelecting();
  expect(ids()).toEqual([]);
  expect(useSelecting.getState().isOn).toBe(false);
});
