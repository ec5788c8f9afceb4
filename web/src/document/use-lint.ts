// The findings of the document as it stands, computed once for all who show them, in a worker, or
// here where there is none.
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { create } from 'zustand';
import { capabilitiesQuery } from '@/api/queries';
import { useT } from '@/i18n';
import type { Words } from '@/i18n/en';
import { lint, LIMITS, type Finding, type Level, type Limits, type Rule } from './lint';
import { editOf, settingsOf } from './lint-fix';
import type { LintQuestion } from './lint.worker';
import type { Path } from './json';
import { useDocument, type Doc } from './store';

export interface LintItem {
  key: string;
  level: Level;
  rule: Rule;
  text: string; // the sentence
  where: string; // the part it is about, "" for the whole
  path: Path;
  also?: Path;
  fix?: { label: string; apply: () => void };
}

const useFindings = create<{ findings: Finding[]; limits: Limits }>()(() => ({ findings: [], limits: LIMITS }));

let worker: Worker | null | undefined; // null: there is none
let asked = 0;
let isBusy = false;
let waits = false;

function question(): LintQuestion {
  const { doc } = useDocument.getState();
  const { width, height } = doc.settings;
  return { id: ++asked, text: doc.text, size: { width, height }, limits: useFindings.getState().limits };
}

/** The same findings again are no change to those who show them. */
function tell(findings: Finding[]): void {
  if (JSON.stringify(findings) !== JSON.stringify(useFindings.getState().findings)) useFindings.setState({ findings });
}

function here(): void {
  const { text, size, limits } = question();
  tell(lint(text, size, limits));
}

function start(): Worker | null {
  if (typeof Worker === 'undefined') return null;
  try {
    const made = new Worker(new URL('./lint.worker.ts', import.meta.url), { type: 'module' });
    made.onmessage = (e: MessageEvent<{ id: number; findings: Finding[] }>) => {
      isBusy = false;
      if (e.data.id === asked && !waits) tell(e.data.findings);
      if (waits) ask();
    };
    made.onerror = () => {
      worker = null;
      here();
    };
    return made;
  } catch {
    return null;
  }
}

/** One question at a time: what is typed meanwhile is asked once it is answered. */
function ask(): void {
  if (worker === undefined) worker = start();
  if (worker === null) return here();
  waits = isBusy;
  if (isBusy) return;
  isBusy = true;
  worker.postMessage(question());
}

let isFollowing = false;

function follow(): void {
  if (isFollowing) return;
  isFollowing = true;
  useDocument.subscribe((now, before) => {
    if (now.doc !== before.doc) ask();
  });
  ask();
}

/** The document's findings now, without waiting: for a decision that must not be late. */
export function lintNow(doc: Doc): Finding[] {
  const { width, height } = doc.settings;
  return lint(doc.text, { width, height }, useFindings.getState().limits);
}

const keyOf = (f: Finding): string => JSON.stringify([f.rule, f.path, f.also ?? null, f.args]);

function apply(key: string): void {
  const { doc, edit, setSettings } = useDocument.getState();
  const finding = lintNow(doc).find((f) => keyOf(f) === key);
  if (!finding?.fix) return; // the document went on
  const settings = settingsOf(finding.fix);
  if (settings) setSettings('fix', settings);
  else edit('fix', editOf(finding.fix));
}

/** "Element 2 · box" for a path into a caption. */
function placeName(path: Path, t: Words['lint']): string {
  const names = t.places as Record<string, string>;
  if (path[1] === 'elements' && typeof path[2] === 'number') {
    const part = path[3];
    const name = typeof part === 'string' ? (names[part] ?? part) : '';
    return name ? `${t.element(path[2] + 1)} · ${name}` : t.element(path[2] + 1);
  }
  const last = path.findLast((step): step is string => typeof step === 'string');
  return last === undefined ? '' : (names[last] ?? last);
}

// Rules whose argument is a key, shown by its name.
const NAMED: Rule[] = ['missing', 'wrong-type'];

function sentence(f: Finding, t: Words['lint']): string {
  const rule: string | ((...args: never[]) => string) = t.rules[f.rule];
  if (typeof rule === 'string') return rule;
  const names = t.places as Record<string, string>;
  const args = NAMED.includes(f.rule) ? f.args.map((a) => names[a] ?? a) : f.args;
  return (rule as (...args: (string | number)[]) => string)(...args);
}

export function lintItem(f: Finding, t: Words['lint']): LintItem {
  const key = keyOf(f);
  return {
    key,
    level: f.level,
    rule: f.rule,
    text: sentence(f, t),
    where: placeName(f.path, t),
    path: f.path,
    ...(f.also ? { also: f.also } : {}),
    ...(f.fix ? { fix: { label: t.fixes[f.fix.label], apply: () => apply(key) } } : {}),
  };
}

/** Tells the check what this machine can draw; once, where the editor is. */
export function useLintLimits(): void {
  const { data } = useQuery(capabilitiesQuery);
  useEffect(() => {
    if (!data?.size || !data.limits) return;
    const limits: Limits = {
      min: data.size.min,
      max: data.size.max,
      multiple: data.size.multiple,
      palette: data.limits.palette,
      elementPalette: data.limits.element_palette,
      captionBytes: data.limits.caption_bytes,
    };
    if (JSON.stringify(limits) === JSON.stringify(useFindings.getState().limits)) return;
    useFindings.setState({ limits });
    if (isFollowing) ask();
  }, [data]);
}

// Many ask for the same: the sentences of one set of findings are made once.
let made: { findings: Finding[]; t: Words['lint']; items: LintItem[] } | null = null;

function itemsOf(findings: Finding[], t: Words['lint']): LintItem[] {
  if (made?.findings !== findings || made.t !== t) made = { findings, t, items: findings.map((f) => lintItem(f, t)) };
  return made.items;
}

export function useLint(): LintItem[] {
  const t = useT().lint;
  useEffect(follow, []);
  return itemsOf(useFindings((s) => s.findings), t);
}

const startsWith = (path: Path, part: Path): boolean => part.every((step, i) => path[i] === step);

/** Items about a part of the caption; `inside` counts what lies within it too. */
export function itemsAt(items: LintItem[], part: Path, inside = false): LintItem[] {
  const hits = (path: Path) => (path.length === part.length || inside) && startsWith(path, part);
  return items.filter((i) => hits(i.path) || (i.also !== undefined && hits(i.also)));
}
