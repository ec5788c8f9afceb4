// Saves pictures: one as its file, several as an archive that the browser makes itself. Goes on
// when one leaves the page of the library.
import { create } from 'zustand';
import { call } from '@/api/client';
import { fileUrl } from '@/api/queries';
import type { Filters, Item, Page, Sort } from '@/api/types';
import { announce } from '@/app/ui-state';
import { serverDate } from '@/lib/format';
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';
import { download } from '@/viewer/download';
import { fileName } from '@/viewer/recipe-text';
import { failed } from './actions';
import { pageUrl } from './early';
import { isSelected, type Selection } from './selection';
import type { Packed, ToPack } from './zip-protocol';

const PAGE_MOST = 500;

export interface Packing {
  done: number;
  total: number;
  stop: () => void;
}

export const usePacking = create<{ now: Packing | null }>()(() => ({ now: null }));

/** The selected ones, also those that were never loaded. */
async function itemsOf(selection: Selection, filters: Filters, sort: Sort, loaded: Item[]): Promise<Item[]> {
  if (selection.kind === 'some' && loaded.length === selection.ids.size) return loaded;
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await call(pageUrl(filters, sort, cursor, PAGE_MOST));
    items.push(...page.items.filter((item) => isSelected(selection, item.id)));
    cursor = page.next;
  } while (cursor !== null);
  return items;
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** "ideogram4-2026-06-30.zip"; more than one have numbers. */
export function archiveName(date: Date, part: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `ideogram4-${day}${part > 1 ? `-${part}` : ''}.zip`;
}

function pack(items: Item[]): void {
  const t = words().library;
  const worker = new Worker(new URL('./zip.worker.ts', import.meta.url), { type: 'module' });
  const files: ToPack[] = items.map((item) => ({
    url: new URL(fileUrl(item.id), window.location.href).href,
    name: fileName(item),
    time: serverDate(item.created_at).getTime(),
  }));
  const end = () => {
    worker.terminate();
    usePacking.setState({ now: null });
  };
  let part = 0;
  let saved = 0;
  worker.onmessage = ({ data }: MessageEvent<Packed>) => {
    if (data.kind === 'progress') {
      usePacking.setState((s) => ({ now: s.now && { ...s.now, done: data.done } }));
    } else if (data.kind === 'part') {
      saved += data.files;
      save(data.blob, archiveName(new Date(), ++part));
    } else if (data.kind === 'failed') {
      end();
      failed(new Error(data.why));
    } else {
      end();
      if (data.missing > 0) toast({ kind: 'bad', text: t.packedWithout(saved, data.missing), group: 'zip' });
      else announce(t.packed(saved));
    }
  };
  worker.onerror = () => {
    end();
    failed(new Error(t.packingFailed));
  };
  usePacking.setState({ now: { done: 0, total: items.length, stop: end } });
  worker.postMessage(files);
}

export async function downloadSelection(selection: Selection, filters: Filters, sort: Sort, loaded: Item[]): Promise<void> {
  if (usePacking.getState().now) return;
  try {
    const items = await itemsOf(selection, filters, sort, loaded);
    const [only] = items;
    if (items.length === 1 && only) download(only);
    else if (items.length > 1) pack(items);
  } catch (error) {
    failed(error);
  }
}
