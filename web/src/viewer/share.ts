// The share sheet of the device ("save to photos", send to somebody), with the picture itself. It
// exists in secure contexts of some browsers only; where it does not, nothing offers it.
import type { Item } from '@/api/types';
import { words } from '@/i18n';
import { because } from '@/queue/actions';
import { toast } from '@/ui/toasts';
import { bytesUrl } from './download';
import { fileName } from './recipe-text';

export const canShare = (): boolean => typeof navigator.share === 'function';

async function fileOf(item: Item): Promise<File> {
  const answer = await fetch(bytesUrl(item));
  if (!answer.ok) throw new Error(words().viewer.missing);
  const blob = await answer.blob();
  return new File([blob], fileName(item), { type: blob.type || `image/${item.format}` });
}

/** Files where the browser takes them, else the address of the picture. */
function dataOf(item: Item, file: File): ShareData {
  const title = item.title ?? item.hld;
  if (navigator.canShare?.({ files: [file] })) return { files: [file], title };
  return { title, url: new URL(bytesUrl(item), window.location.href).href };
}

const isCalledOff = (e: unknown): boolean => e instanceof DOMException && e.name === 'AbortError';
/** Fetching took longer than a press counts as one: another press is needed. */
const isTooLate = (e: unknown): boolean => e instanceof DOMException && e.name === 'NotAllowedError';

async function give(data: ShareData): Promise<void> {
  const t = words().viewer;
  try {
    await navigator.share(data);
  } catch (e) {
    if (isCalledOff(e)) return;
    if (isTooLate(e)) {
      toast({ kind: 'info', text: t.shareReady, group: 'share', action: { label: t.share, run: () => void give(data) } });
    } else throw e;
  }
}

export async function share(item: Item): Promise<void> {
  try {
    await give(dataOf(item, await fileOf(item)));
  } catch (e) {
    toast({ kind: 'bad', text: words().viewer.actionFailed(because(e)), group: 'share' });
  }
}
