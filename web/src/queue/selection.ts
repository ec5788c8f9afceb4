// Several jobs of the queue at once: which are selected, and whether selecting goes on at all. Rows
// ask for their own part only, so that selecting one draws no other anew.
import { create } from 'zustand';

interface Selecting {
  isOn: boolean;
  ids: ReadonlySet<number>;
  anchor: number | null; // where a range begins
}

const NONE: ReadonlySet<number> = new Set();
const OFF: Selecting = { isOn: false, ids: NONE, anchor: null };

export const useSelecting = create<Selecting>()(() => OFF);

export const beginSelecting = (ids: readonly number[] = []): void =>
  useSelecting.setState({ isOn: true, ids: new Set(ids), anchor: ids.at(-1) ?? null });

export const endSelecting = (): void => useSelecting.setState(OFF);

/** The jobs from one to another in the order of the list, both included. */
export function between(order: readonly number[], from: number | null, to: number): number[] {
  const a = from === null ? -1 : order.indexOf(from);
  const b = order.indexOf(to);
  if (b < 0) return [];
  return a < 0 ? [to] : order.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** Some on or off together, as the box of a batch does. */
export function setSelected(ids: readonly number[], on: boolean): void {
  useSelecting.setState((s) => {
    const next = new Set(s.ids);
    for (const id of ids) {
      if (on) next.add(id);
      else next.delete(id);
    }
    return { ids: next, anchor: ids.at(-1) ?? null };
  });
}

/** All from the last one touched to this one, besides what is selected. */
export function selectTo(order: readonly number[], id: number): void {
  useSelecting.setState((s) => ({ ids: new Set([...s.ids, ...between(order, s.anchor, id)]), anchor: s.anchor ?? id }));
}
