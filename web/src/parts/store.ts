// Parts of captions that a person keeps in this browser: prompts, styles, elements, palettes. Own
// layouts are those of the layout mode and stay in its store; here they only look like the others.
import * as v from 'valibot';
import { create } from 'zustand';
import { isDict, isBox, type Box } from '@/document/caption';
import { isExact } from '@/document/colours';
import { parse, type Json } from '@/document/json';
import { useOwnTemplates, type Template } from '@/editor/layout/templates';
import { newId } from '@/lib/ids';
import { load, save, watch } from '@/lib/storage';

export const KINDS = ['prompt', 'style', 'element', 'layout', 'palette'] as const;
export type Kind = (typeof KINDS)[number];

const KEY = 'parts';
const MOST = 400;
const CHARACTERS_MAX = 1_500_000; // more would not be read again
export const NAME_MAX = 80;

const Dict = v.custom<{ [key: string]: Json }>((value) => isDict(value as Json));
const Text = v.pipe(v.string(), v.check((text) => isText(text)));
function isText(text: string): boolean {
  const parsed = parse(text);
  return parsed.ok && isDict(parsed.root.value);
}
const named = { id: v.string(), name: v.pipe(v.string(), v.maxLength(200)) };
const side = v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(16_384));

const Stored = v.variant('kind', [
  v.object({ ...named, kind: v.literal('prompt'), text: Text, width: side, height: side }),
  v.object({ ...named, kind: v.literal('style'), value: Dict }),
  v.object({ ...named, kind: v.literal('element'), value: Dict }),
  v.object({ ...named, kind: v.literal('palette'), colours: v.pipe(v.array(v.pipe(v.string(), v.check(isExact))), v.minLength(1), v.maxLength(64)) }),
]);
const Layout = v.object({
  ...named,
  kind: v.literal('layout'),
  slots: v.array(
    v.object({
      kind: v.picklist(['obj', 'text']),
      box: v.custom<Box>((value) => isBox(value as Json)),
      text: v.optional(v.string()),
      desc: v.optional(v.string()),
    }),
  ),
});
export const Part = v.variant('kind', [...Stored.options, Layout]);

export type Part = v.InferOutput<typeof Part>;
type Stored = v.InferOutput<typeof Stored>;
/** What a part is, but for its name. */
export type Content = { [K in Kind]: Omit<Extract<Part, { kind: K }>, 'id' | 'name'> }[Kind];

/** One entry that cannot be read costs no other. */
export function readable<T>(list: unknown[], schema: v.GenericSchema<unknown, T>): T[] {
  return list.flatMap((one) => {
    const result = v.safeParse(schema, one);
    return result.success ? [result.output] : [];
  });
}

const stored = (): Stored[] => readable(load(KEY, v.array(v.unknown())) ?? [], Stored);

const useStored = create<{ list: Stored[] }>()(() => ({ list: stored() }));
if ('window' in globalThis) watch(KEY, () => useStored.setState({ list: stored() }));

function keep(list: Stored[]): boolean {
  const isSmall = list.length <= MOST && JSON.stringify(list).length <= CHARACTERS_MAX;
  const done = isSmall && save(KEY, list);
  if (done) useStored.setState({ list });
  return done;
}

function keepTemplates(list: Template[]): boolean {
  const done = save('templates', list);
  if (done) useOwnTemplates.setState({ list });
  return done;
}

const asPart = ({ id, name, slots }: Template): Part => ({ id, name, kind: 'layout', slots });

export function usePartsOf(kind: Kind): Part[] {
  const list = useStored((s) => s.list);
  const templates = useOwnTemplates((s) => s.list);
  return kind === 'layout' ? templates.map(asPart) : list.filter((p) => p.kind === kind);
}

export function useHasParts(): boolean {
  const isStored = useStored((s) => s.list.length > 0);
  return useOwnTemplates((s) => s.list.length > 0) || isStored;
}

export const allParts = (): Part[] => [...useStored.getState().list, ...useOwnTemplates.getState().list.map(asPart)];

/** The newest first. False: there is no room for it. */
export function addParts(parts: Part[]): boolean {
  const fresh = parts.map((part) => ({ ...part, id: newId() }));
  const layouts = fresh.filter((p) => p.kind === 'layout');
  const others = fresh.filter((p) => p.kind !== 'layout');
  const first = others.length === 0 || keep([...others, ...useStored.getState().list]);
  const own = layouts.map(({ id, name, slots }): Template => ({ id, name, slots }));
  return (layouts.length === 0 || keepTemplates([...useOwnTemplates.getState().list, ...own])) && first;
}

export const addPart = (name: string, content: Content): boolean => addParts([{ ...content, name, id: '' } as Part]);

export function renamePart(part: Part, name: string): void {
  const renamed = <T extends { id: string }>(list: T[]): T[] => list.map((p) => (p.id === part.id ? { ...p, name } : p));
  if (part.kind === 'layout') keepTemplates(renamed(useOwnTemplates.getState().list));
  else keep(renamed(useStored.getState().list));
}

/** Takes it away; what is returned puts it back at its place. */
export function removePart(part: Part): () => void {
  const [list, own] = [useStored.getState().list, useOwnTemplates.getState().list];
  const back = <T>(before: T[], now: T[], gone: T) => now.toSpliced(Math.min(before.indexOf(gone), now.length), 0, gone);
  if (part.kind === 'layout') {
    const gone = own.find((p) => p.id === part.id);
    keepTemplates(own.filter((p) => p !== gone));
    return () => gone && keepTemplates(back(own, useOwnTemplates.getState().list, gone));
  }
  const gone = list.find((p) => p.id === part.id);
  keep(list.filter((p) => p !== gone));
  return () => gone && keep(back(list, useStored.getState().list, gone));
}
