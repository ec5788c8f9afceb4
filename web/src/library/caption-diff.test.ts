import { expect, test } from 'vitest';
import { diffCaptions } from './caption-diff';

test('only what differs, with its path', () => {
  const a = { high_level_description: 'x', style: { palette: ['#fff', '#000'], mood: 'calm' }, elements: [{ desc: 'a', bbox: [1, 2, 3, 4] }] };
  const b = { high_level_description: 'x', style: { palette: ['#fff'], mood: 'calm' }, elements: [{ desc: 'b', bbox: [1, 2, 3, 4] }, { desc: 'c' }] };
  expect(diffCaptions(a, b)).toEqual({
    rows: [
      { path: 'style.palette', left: '#fff, #000', right: '#fff' },
      { path: 'elements[0].desc', left: 'a', right: 'b' },
      { path: 'elements[1].desc', left: null, right: 'c' },
    ],
    equal: 3,
  });
});

test('the same, and nothing', () => {
  expect(diffCaptions({ a: 1 }, { a: 1 })).toEqual({ rows: [], equal: 1 });
  expect(diffCaptions(null, { a: '' }).rows).toEqual([
    { path: '', left: 'null', right: null },
    { path: 'a', left: null, right: '' },
  ]);
});
