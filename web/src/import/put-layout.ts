// The boxes of another caption into a document.
import { ELEMENTS, insertElement, isBox, isDict, put, read, type Edit } from '@/document/caption';
import { find, parse, type Json } from '@/document/json';

function elementsOf(text: string): Json[] {
  const parsed = parse(text);
  const list = parsed.ok ? find(parsed.root, ELEMENTS)?.value : undefined;
  return Array.isArray(list) ? list : [];
}

/**
 * The boxes of another caption: each goes to the next element of its kind here, which keeps its
 * words; boxes that are left over come with their elements.
 */
export const putLayout =
  (from: string): Edit =>
  (source) => {
    let result = source;
    const parsed = parse(source);
    const mine = read(parsed.ok ? parsed.root.value : null).elements;
    const free = new Set(mine.map((e) => e.index));
    for (const theirs of elementsOf(from)) {
      if (!isDict(theirs) || !isBox(theirs.bbox)) continue;
      const kind = theirs.type === 'text' ? 'text' : 'obj';
      const target = mine.find((e) => free.has(e.index) && e.kind === kind);
      if (target) {
        free.delete(target.index);
        result = put([...ELEMENTS, target.index, 'bbox'], theirs.bbox)(result);
      } else result = insertElement(theirs)(result);
    }
    return result;
  };
