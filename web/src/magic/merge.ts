// What Magic Prompt is asked beside the wish, and what it wrote joined with what a person keeps.
// It never answers with boxes: those of before go to the elements that are the same.
import { ELEMENTS, isDict, put, read } from '@/document/caption';
import { find, parse, write, type Json } from '@/document/json';

export type How = 'anew' | 'change';
type Dict = { [key: string]: Json };

function elementsOf(text: string): Json[] {
  const parsed = parse(text);
  const list = parsed.ok ? find(parsed.root, ELEMENTS)?.value : undefined;
  return Array.isArray(list) ? list : [];
}

const said = (value: Json | undefined): string => (typeof value === 'string' ? value.trim().toLowerCase() : '');
const kindOf = (e: Dict): string => (e.type === 'text' ? 'text' : 'obj');

/** Takes the first element that is still there and fits. */
function take(left: Dict[], fits: (e: Dict) => boolean): Dict | undefined {
  const at = left.findIndex(fits);
  return at < 0 ? undefined : left.splice(at, 1)[0];
}

/** Own elements stay as they are; one without a description gets that of its like. */
function fleshedOut(mine: Json[], written: Json[]): Json[] {
  const left = written.filter(isDict);
  const sameWords = (e: Dict) => (o: Dict) => kindOf(e) === 'text' && kindOf(o) === 'text' && said(o.text) === said(e.text);
  const used = mine.map((e) => (isDict(e) ? take(left, sameWords(e)) : undefined));
  return mine.map((e, i) => {
    if (!isDict(e) || said(e.desc) !== '') return e;
    const like = used[i] ?? take(left, (o) => kindOf(o) === kindOf(e));
    return like?.desc === undefined ? e : { ...e, desc: like.desc };
  });
}

/** `e` with the box of its like, and its colours where none were written, each at its place. */
function withBox(e: Dict, like: Dict | undefined): Dict {
  if (!like) return e;
  const { type, bbox, color_palette: colours, ...rest } = e;
  const box = bbox ?? like.bbox;
  const palette = colours ?? like.color_palette;
  return {
    ...(type === undefined ? {} : { type }),
    ...(box === undefined ? {} : { bbox: box }),
    ...rest,
    ...(palette === undefined ? {} : { color_palette: palette }),
  };
}

/** The written elements at the places of those of before: the same words, the same thing, the same rank. */
function placed(before: Json[], written: Json[]): Json[] {
  const left = before.filter(isDict);
  const likes = new Map<number, Dict>();
  const match = (fits: (e: Dict, o: Dict) => boolean) => {
    for (const [i, e] of written.entries()) {
      const like = isDict(e) && !likes.has(i) ? take(left, (o) => kindOf(o) === kindOf(e) && fits(e, o)) : undefined;
      if (like) likes.set(i, like);
    }
  };
  match((e, o) => kindOf(e) === 'text' && said(e.text) === said(o.text));
  match((e, o) => said(e.desc) === said(o.desc));
  match(() => true);
  return written.map((e, i) => (isDict(e) ? withBox(e, likes.get(i)) : e));
}

/** The written caption; with a person's own elements, or at the places of before, if wanted. */
export function captionText(caption: Json, before: string, keepElements: boolean, how: How = 'anew'): string {
  const text = write(caption);
  const mine = elementsOf(before);
  if (mine.length === 0) return text;
  if (how === 'change') return put(ELEMENTS, placed(mine, elementsOf(text)))(text);
  return keepElements ? put(ELEMENTS, fleshedOut(mine, elementsOf(text)))(text) : text;
}

const unplaced = (value: Json): Json =>
  isDict(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'bbox')) : value;

/** What the language model is asked: the wish, and what it must know of the document. */
export function promptFor(wish: string, document: string, keepElements: boolean, how: How): string {
  const parsed = parse(document);
  if (!parsed.ok) return wish;
  const mine = elementsOf(document);
  if (how === 'change') {
    const caption = JSON.stringify(mine.length > 0 ? JSON.parse(put(ELEMENTS, mine.map(unplaced))(document)) : parsed.root.value);
    return `Change the caption below as asked. Keep everything that the change does not concern, word for word, and answer with the whole caption.\nAsked: ${wish}\nThe caption: ${caption}`;
  }
  if (!keepElements || mine.length === 0) return wish;
  const lines = read(parsed.root.value).elements.map((e, i) => {
    const what = e.kind === 'text' ? `the words ${JSON.stringify(e.text)}` : e.desc.trim() || 'an object';
    return `${i + 1}. ${e.kind}: ${what}`;
  });
  return `${wish}\n\nThe picture has exactly these elements, in this order; describe each of them:\n${lines.join('\n')}`;
}
