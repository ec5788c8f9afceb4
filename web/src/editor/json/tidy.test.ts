import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tidy } from './tidy';

describe('tidy', () => {
  it('says the same and stays when done twice', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const once = tidy(text);
        expect(JSON.stringify(JSON.parse(once))).toBe(JSON.stringify(JSON.parse(text)));
        expect(tidy(once)).toBe(once);
      }),
    );
  });

  it('keeps numbers, key order and repeated keys as typed', () => {
    expect(tidy('{"2":1.50,"1":[1,2],"a":{},"a":[]}')).toBe('{\n  "2": 1.50,\n  "1": [1, 2],\n  "a": {},\n  "a": []\n}');
    expect(tidy('{broken')).toBe('{broken');
  });
});
