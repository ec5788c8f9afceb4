import { describe, expect, it } from 'vitest';
import { read } from '@/document/caption';
import { follow } from './follow';

const list = (...names: string[]) =>
  read({
    compositional_deconstruction: {
      background: '',
      elements: names.map((desc, i) => ({ type: 'obj', desc, bbox: [0, 0, 100 + i, 100] })),
    },
  }).elements;

describe('locks and hiding', () => {
  const abc = list('a', 'b', 'c');
  const at = (order: number[]) => order.map((i, index) => ({ ...abc[i]!, index }));

  it('go along with their elements', () => {
    expect(follow([0], abc, at([1, 0, 2]))).toEqual([1]);
    expect(follow([2], abc, at([1, 2]))).toEqual([1]);
    expect(follow([1], abc, at([0, 2]))).toEqual([]);
    expect(follow([0, 2], abc, at([2, 0, 1]))).toEqual([1, 0]);
  });

  it('stay when their element is written or moved', () => {
    expect(follow([1], abc, list('a', 'b longer', 'c'))).toEqual([1]);
    expect(follow([1], abc, [abc[0]!, { ...abc[1]!, box: [5, 5, 50, 50] }, abc[2]!])).toEqual([1]);
  });

  it('are not confused by elements that are alike', () => {
    const same = list('x', 'x', 'x').map((e) => ({ ...e, box: null }));
    expect(follow([1], same, same)).toEqual([1]);
    expect(follow([1], same, same.slice(0, 2))).toEqual([1]);
  });
});
