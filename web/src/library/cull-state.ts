// Sorting out: what was decided about each picture so far. Nothing happens to any of them before
// one says so at the end.

export type Verdict = 'keep' | 'reject';
export type Verdicts = ReadonlyMap<number, Verdict>;

/** The same verdict again takes it back. */
export function judged(verdicts: Verdicts, id: number, verdict: Verdict): Verdicts {
  const next = new Map(verdicts);
  if (next.get(id) === verdict) next.delete(id);
  else next.set(id, verdict);
  return next;
}

export function withVerdict(verdicts: Verdicts, verdict: Verdict): number[] {
  return [...verdicts].flatMap(([id, v]) => (v === verdict ? [id] : []));
}

/** The next picture without a verdict, from this one on and then from the beginning; else -1. */
export function nextOpen(ids: readonly number[], verdicts: Verdicts, at: number): number {
  const isOpen = (id: number) => !verdicts.has(id);
  const after = ids.findIndex((id, i) => i > at && isOpen(id));
  return after === -1 ? ids.findIndex((id, i) => i < at && isOpen(id)) : after;
}

export type CullAction = Verdict | 'next' | 'previous' | 'first' | 'last' | 'favorite' | 'end' | { rate: number };

const NAMED: Record<string, CullAction> = {
  ArrowRight: 'next',
  ArrowLeft: 'previous',
  ' ': 'next',
  Home: 'first',
  End: 'last',
  Delete: 'reject',
  Backspace: 'reject',
  ArrowUp: 'keep',
  ArrowDown: 'reject',
};
const LETTERS: Record<string, CullAction> = { k: 'keep', x: 'reject', f: 'favorite', n: 'next' };

export function cullKey(e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>, letters: boolean): CullAction | null {
  if (e.ctrlKey || e.metaKey || e.altKey) return null;
  const named = NAMED[e.key];
  if (named) return named;
  if (!letters) return null;
  if (/^[0-5]$/.test(e.key)) return { rate: Number(e.key) };
  return LETTERS[e.key.toLowerCase()] ?? null;
}
