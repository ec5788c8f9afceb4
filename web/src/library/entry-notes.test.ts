import { expect, test } from 'vitest';
import { idsAbove, noted, type EntryNote } from './entry-notes';

test('a note is added, changed, and gone when it says nothing', () => {
  let list: EntryNote[] = [];
  list = noted(list, 1, { name: 'Harbour' });
  list = noted(list, 2, { pinned: true });
  list = noted(list, 1, { pinned: true });
  expect(list).toEqual([
    { id: 2, pinned: true },
    { id: 1, name: 'Harbour', pinned: true },
  ]);
  expect(noted(noted(list, 1, { name: undefined }), 1, { pinned: false })).toEqual([{ id: 2, pinned: true }]);
});

test('pinned ones are above; a search finds names', () => {
  const list = [{ id: 1, name: 'Harbour at dawn' }, { id: 2, pinned: true }, { id: 3, name: 'Dawn', pinned: true }];
  expect(idsAbove(list, '')).toEqual([3, 2]);
  expect(idsAbove(list, 'dawn har')).toEqual([1]);
  expect(idsAbove(list, 'noon')).toEqual([]);
});
