// Saves several pictures one after the other: browsers drop downloads that come at once.
import type { Item } from '@/api/types';
import { download } from '@/viewer/download';

export const DOWNLOADS_MOST = 20;
const PAUSE_MS = 250;

export async function downloadAll(items: Item[]): Promise<void> {
  for (const [i, item] of items.slice(0, DOWNLOADS_MOST).entries()) {
    if (i > 0) await new Promise((done) => setTimeout(done, PAUSE_MS));
    download(item);
  }
}
