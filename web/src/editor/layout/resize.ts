// Another size of the picture. Boxes are parts of it and keep their places; on wish they also keep
// their shapes, in the same step of the history.
import { all, putBox, UNITS, type Box } from '@/document/caption';
import { useDocument } from '@/document/store';
import { useCanvas } from './state';

const MIN = 10; // units, as in geometry.ts, which the first paint does not need

interface Size {
  width: number;
  height: number;
}

/** Two edges around a middle: as far apart as wished, whole, inside. */
function around(middle: number, size: number): [number, number] {
  const whole = Math.min(UNITS, Math.max(MIN, Math.round(size)));
  const low = Math.min(UNITS - whole, Math.max(0, Math.round(middle - whole / 2)));
  return [low, low + whole];
}

/**
 * A box as it looks the same in a picture of another ratio (width by height): its shape and its share
 * of the area stay, and so does its middle as far as the box fits.
 */
export function keepShape([top, left, bottom, right]: Box, from: number, to: number): Box {
  const by = Math.sqrt(from / to);
  const [width, height] = [(right - left) * by, (bottom - top) / by];
  const most = Math.min(1, UNITS / width, UNITS / height);
  const [y0, y1] = around((top + bottom) / 2, height * most);
  const [x0, x1] = around((left + right) / 2, width * most);
  return [y0, x0, y1, x1];
}

/** Boxes before shapes were first kept, and what became of them: to and fro leads back to the same. */
interface Origin {
  boxes: (Box | null)[];
  ratio: number;
  made: string; // the boxes as they were left
  key: string; // of the document
}
let origin: Origin | null = null;

const said = (boxes: (Box | null)[]): string => boxes.map((b) => b?.join() ?? '').join(';');

export function resizePicture(size: Size, group?: string): void {
  const { doc, good, error, key, setSettings, replace } = useDocument.getState();
  const ratio = doc.settings.width / doc.settings.height;
  const next = size.width / size.height;
  const boxes = good.caption.elements.map((e) => e.box);
  if (!useCanvas.getState().keepShapes || error || next === ratio || boxes.every((b) => b === null)) {
    setSettings('size', { width: size.width, height: size.height }, group);
    return;
  }
  if (origin?.key !== key || origin.made !== said(boxes)) origin = { boxes, ratio, made: '', key };
  const from = origin;
  const made = from.boxes.map((b) => b && keepShape(b, from.ratio, next));
  const text = all(...made.flatMap((b, i) => (b ? [putBox(i, b)] : [])))(doc.text);
  origin = { ...from, made: said(made) };
  replace('size', { text, settings: { ...doc.settings, width: size.width, height: size.height } }, group);
}
