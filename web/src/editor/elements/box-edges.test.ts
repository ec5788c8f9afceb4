import { expect, it } from 'vitest';
import { isBox } from '@/document/caption';
import { DEFAULT_BOX, EDGES, withEdge } from './box-edges';

it('changes one edge and takes its opposite along', () => {
  expect(withEdge(null, 'top', 100)).toEqual([100, 290, 710, 710]);
  expect(withEdge([0, 0, 100, 100], 'top', 200)).toEqual([200, 0, 210, 100]);
  expect(withEdge([500, 500, 600, 600], 'right', 300)).toEqual([500, 290, 600, 300]);
  expect(withEdge([0, 0, 100, 100], 'left', 5000)).toEqual([0, 990, 100, 1000]);
  for (const edge of EDGES) for (const v of [-5, 0, 3.4, 999, 1000]) expect(isBox([...withEdge(DEFAULT_BOX, edge, v)])).toBe(true);
});
