// Layouts to begin with, and own ones. A template is a list of boxes in the order of the caption;
// its texts are samples that are used only when asked for.
import * as v from 'valibot';
import { create } from 'zustand';
import { elementValue, isBox, isDict, type Box, type Element } from '@/document/caption';
import type { Json } from '@/document/json';
import { useDocument } from '@/document/store';
import type { Words } from '@/i18n/en';
import { newId } from '@/lib/ids';
import { load, save } from '@/lib/storage';
import * as act from './actions';

export interface Slot {
  kind: 'obj' | 'text';
  box: Box;
  text?: string;
  desc?: string;
}
export type TemplateName = keyof Words['layout']['names'];
export interface Template {
  id: string;
  name: string; // of own ones; for the others the id names them
  slots: Slot[];
}

const obj = (box: Box, desc: string): Slot => ({ kind: 'obj', box, desc });
const text = (box: Box, words: string, desc: string): Slot => ({ kind: 'text', box, text: words, desc });

export const TEMPLATES: { id: TemplateName; slots: Slot[] }[] = [
  {
    id: 'poster',
    slots: [
      obj([260, 100, 820, 900], 'the main subject, large'),
      text([60, 80, 220, 920], 'TITLE', 'bold headline'),
      text([860, 200, 930, 800], 'date and place', 'small line'),
    ],
  },
  {
    id: 'title',
    slots: [text([330, 80, 540, 920], 'TITLE', 'large headline'), text([580, 180, 680, 820], 'subtitle', 'light line below')],
  },
  {
    id: 'product',
    slots: [
      obj([120, 280, 900, 720], 'the product, front view'),
      text([440, 350, 600, 650], 'BRAND', 'label on the product'),
      text([40, 60, 110, 500], 'one short claim', 'small line at the top'),
    ],
  },
  {
    id: 'comic',
    slots: [0, 1, 2].flatMap((row) =>
      [0, 1].map((column) => {
        const top = 20 + row * 325;
        const left = 20 + column * 490;
        return obj([top, left, top + 310, left + 470], `panel ${row * 2 + column + 1}`);
      }),
    ),
  },
  {
    id: 'card',
    slots: [
      obj([180, 80, 520, 320], 'a simple logo'),
      text([560, 80, 680, 720], 'Name Surname', 'medium weight'),
      text([710, 80, 780, 720], 'what they do', 'light, smaller'),
      text([820, 80, 880, 720], 'name@example.org', 'light, smallest'),
    ],
  },
  {
    id: 'album',
    slots: [
      obj([0, 0, 1000, 1000], 'the scene, edge to edge'),
      text([70, 70, 190, 930], 'ARTIST', 'spaced capitals'),
      text([850, 70, 930, 930], 'album title', 'small, below'),
    ],
  },
  {
    id: 'banner',
    slots: [
      obj([60, 620, 940, 960], 'the subject at the right'),
      text([220, 50, 520, 580], 'HEADLINE', 'bold, at the left'),
      text([580, 50, 720, 580], 'one line more', 'light'),
    ],
  },
  {
    id: 'logo',
    slots: [obj([260, 90, 740, 370], 'a simple mark'), text([370, 420, 630, 920], 'wordmark', 'geometric letters')],
  },
];

/** The element's value with another box, at its trained place. */
function placed(value: Json, box: Box | null): Json {
  if (!isDict(value)) return value;
  const rest = Object.entries(value).filter(([key]) => key !== 'bbox');
  if (!box) return Object.fromEntries(rest);
  const at = rest.findIndex(([key]) => key === 'type') + 1;
  return Object.fromEntries([...rest.slice(0, at), ['bbox', [...box]], ...rest.slice(at)]);
}

function fresh(slot: Slot, withTexts: boolean): Json {
  const desc = withTexts ? (slot.desc ?? '') : '';
  const base = { type: slot.kind, bbox: [...slot.box] };
  return slot.kind === 'text' ? { ...base, text: withTexts ? (slot.text ?? '') : '', desc } : { ...base, desc };
}

/** Elements keep what they say and get the places of their kind; what is left over has no box. */
export function fill(slots: readonly Slot[], elements: readonly Element[], values: readonly Json[], withTexts: boolean): Json[] {
  const isEmpty = (e: Element) => e.desc.trim() === '' && e.text.trim() === '';
  const left = elements.filter((e) => !isEmpty(e)).map((e) => e.index);
  const result = slots.map((slot) => {
    const at = left.findIndex((i) => elements[i]?.kind === slot.kind);
    const index = at < 0 ? undefined : left.splice(at, 1)[0];
    return index === undefined ? fresh(slot, withTexts) : placed(values[index] ?? {}, slot.box);
  });
  return [...result, ...left.map((i) => placed(values[i] ?? {}, null))];
}

export function applyTemplate(slots: readonly Slot[], withTexts: boolean): void {
  const { doc, good } = useDocument.getState();
  const values = good.caption.elements.map((e) => elementValue(doc.text, e.index) ?? {});
  act.putElements(fill(slots, good.caption.elements, values, withTexts), 'template');
}

// --- own ones ----------------------------------------------------------------------------------

const OWN_MAX = 60;
const BoxSchema = v.custom<Box>((value) => isBox(value as Json));
const Own = v.array(
  v.object({
    id: v.string(),
    name: v.pipe(v.string(), v.maxLength(200)),
    slots: v.array(
      v.object({
        kind: v.picklist(['obj', 'text']),
        box: BoxSchema,
        text: v.optional(v.string()),
        desc: v.optional(v.string()),
      }),
    ),
  }),
);

export const useOwnTemplates = create<{ list: Template[] }>()(() => ({ list: load('templates', Own) ?? [] }));

/** False: there is no room for it. */
export function saveTemplate(name: string, withTexts: boolean): boolean {
  const slots = useDocument.getState().good.caption.elements.flatMap((e): Slot[] => {
    if (!e.box) return [];
    const base = { kind: e.kind, box: e.box };
    return [withTexts ? { ...base, text: e.text, desc: e.desc } : base];
  });
  const list = [...useOwnTemplates.getState().list, { id: newId(), name, slots }].slice(-OWN_MAX);
  useOwnTemplates.setState({ list });
  return save('templates', list);
}

export function deleteTemplate(id: string): void {
  const list = useOwnTemplates.getState().list.filter((x) => x.id !== id);
  useOwnTemplates.setState({ list });
  save('templates', list);
}
