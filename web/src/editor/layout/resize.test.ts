import { beforeEach, describe, expect, it } from 'vitest';
import { isBox, type Box } from '@/document/caption';
import { DEFAULT_SETTINGS, useDocument } from '@/document/store';
import { keepShape, resizePicture } from './resize';
import { setCanvas } from './state';

const text = JSON.stringify({
  high_level_description: 'x',
  compositional_deconstruction: {
    background: '',
    elements: [
      { type: 'obj', bbox: [100, 100, 500, 500], desc: 'a' },
      { type: 'obj', desc: 'b' },
      { type: 'obj', bbox: [0, 0, 1000, 1000], desc: 'c' },
    ],
  },
});
const boxes = () => useDocument.getState().good.caption.elements.map((e) => e.box);

describe('another size of the picture', () => {
  beforeEach(() => {
    useDocument.getState().open('new', { text, settings: { ...DEFAULT_SETTINGS, width: 1024, height: 1024 } });
    setCanvas({ keepShapes: false });
  });

  it('keeps a shape and its share of the area', () => {
    const box: Box = [300, 300, 500, 500];
    const [top, left, bottom, right] = keepShape(box, 1, 2);
    const pixels = ((right - left) * 2) / (bottom - top);
    expect(pixels).toBeCloseTo(1, 1);
    expect((right - left) * (bottom - top)).toBeCloseTo(200 * 200, -3);
    expect((top + bottom) / 2).toBeCloseTo(400, -1);
    for (const to of [0.25, 0.5, 1, 2, 4]) {
      expect(isBox([...keepShape([0, 0, 1000, 1000], 1, to)])).toBe(true);
      expect(isBox([...keepShape([990, 990, 1000, 1000], 1, to)])).toBe(true);
    }
  });

  it('leaves boxes in their relative places unless shapes are kept', () => {
    resizePicture({ width: 2048, height: 512 });
    expect(useDocument.getState().doc.text).toBe(text);
    expect(useDocument.getState().doc.settings).toMatchObject({ width: 2048, height: 512 });
  });

  it('is one step, and to and fro leads back to the same', () => {
    setCanvas({ keepShapes: true });
    const before = boxes();
    resizePicture({ width: 1024, height: 512 });
    expect(useDocument.getState().past).toHaveLength(1);
    expect(boxes()[0]).not.toEqual(before[0]);
    expect(boxes()[1]).toBeNull();
    resizePicture({ width: 256, height: 1024 });
    resizePicture({ width: 512, height: 512 });
    expect(boxes()).toEqual(before);
    useDocument.getState().undo();
    useDocument.getState().undo();
    useDocument.getState().undo();
    expect(useDocument.getState().doc.text).toBe(text);
    expect(useDocument.getState().doc.settings.width).toBe(1024);
  });
});
