import { describe, expect, it } from 'vitest';
import { chipsOf, filtersOf, isFiltered, NO_FILTERS, sortOf, withTag } from './search';

describe('the address of the library', () => {
  it('becomes filters without what is absent, empty, or no filter', () => {
    expect(filtersOf({})).toEqual({});
    expect(filtersOf({ q: '', tag: [], rating: 0, sort: 'oldest', image: 3 })).toEqual({});
    expect(filtersOf({ q: 'sign', fav: false, tag: ['a'], prompt_id: 'none' })).toEqual({
      q: 'sign',
      fav: false,
      tag: ['a'],
      prompt_id: 'none',
    });
    expect(isFiltered(filtersOf({ image: 3 }))).toBe(false);
  });
  it('has an order', () => {
    expect([sortOf({}), sortOf({ sort: 'size' })]).toEqual(['newest', 'size']);
  });
  it('shows one chip for each filter and each tag, and knows the address without it', () => {
    const chips = chipsOf({ q: 'x', tag: ['a', 'b'], rating: 3 });
    expect(chips.map((c) => [c.key, c.value])).toEqual([['q', 'x'], ['rating', '3'], ['tag', 'a'], ['tag', 'b']]);
    expect(chips[2]!.without).toEqual({ tag: ['b'] });
    expect(chipsOf({ tag: ['a'] })[0]!.without).toEqual({ tag: undefined });
  });
  it('forgets all of them at once', () => {
    expect(filtersOf({ q: 'x', fav: true, flag: 'any', ...NO_FILTERS })).toEqual({});
  });
  it('adds a tag once', () => {
    expect(withTag({ tag: ['a'] }, 'b')).toEqual({ tag: ['a', 'b'] });
    expect(withTag({ tag: ['a'] }, 'a')).toEqual({ tag: ['a'] });
  });
});
