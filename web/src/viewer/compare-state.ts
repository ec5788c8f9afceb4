// Pictures gathered for comparing, and whether they are being compared.
import { create } from 'zustand';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';

export const COMPARE_MAX = 4;

interface CompareState {
  ids: number[]; // gathered
  open: number[] | null; // on the screen
  details: number | null; // picture being rated and tagged
}

export const useCompare = create<CompareState>()(() => ({ ids: [], open: null, details: null }));

/** Two to four pictures beside each other. */
export function openCompare(ids: number[]): void {
  useCompare.setState({ open: [...new Set(ids)].slice(0, COMPARE_MAX) });
}

export const closeCompare = (): void => useCompare.setState({ open: null, ids: [] });

export function toggleCompare(id: number): void {
  const t = words().viewer;
  const { ids } = useCompare.getState();
  if (!ids.includes(id) && ids.length >= COMPARE_MAX) {
    toast({ kind: 'info', text: t.compareFull, group: 'compare' });
    return;
  }
  const next = ids.includes(id) ? ids.filter((x) => x !== id) : [...ids, id];
  useCompare.setState({ ids: next });
  if (next.length === 0) return;
  toast({
    kind: 'info',
    text: t.comparing(next.length),
    group: 'compare',
    action: next.length > 1 ? { label: t.compareNow, run: () => openCompare(next) } : undefined,
  });
}

export const openDetails = (id: number | null): void => useCompare.setState({ details: id });
