import { expect, test } from 'vitest';
import { cullKey, judged, nextOpen, withVerdict, type Verdicts } from './cull-state';

const key = (k: string, more = {}) => ({ key: k, ctrlKey: false, metaKey: false, altKey: false, ...more });

test('a verdict is given, changed and taken back', () => {
  let now: Verdicts = new Map();
  now = judged(now, 1, 'keep');
  now = judged(now, 2, 'reject');
  now = judged(now, 1, 'reject');
  expect(withVerdict(now, 'reject')).toEqual([1, 2]);
  expect(withVerdict(judged(now, 2, 'reject'), 'reject')).toEqual([1]);
});

test('the next one without a verdict, also above', () => {
  const now: Verdicts = new Map([
    [2, 'keep'],
    [4, 'reject'],
  ]);
  expect(nextOpen([1, 2, 3, 4], now, 0)).toBe(2);
  expect(nextOpen([1, 2, 3, 4], now, 3)).toBe(0);
  expect(nextOpen([2, 4], now, 0)).toBe(-1);
});

test('letters can be switched off, other keys not', () => {
  expect(cullKey(key('K'), true)).toBe('keep');
  expect(cullKey(key('k'), false)).toBe(null);
  expect(cullKey(key('3'), true)).toEqual({ rate: 3 });
  expect(cullKey(key('ArrowRight'), false)).toBe('next');
  expect(cullKey(key('x', { ctrlKey: true }), true)).toBe(null);
});
