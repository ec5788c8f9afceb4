// A picture saved in another file format, drawn anew by the browser, with its recipe in it.
import type { Item } from '@/api/types';
import { usePrefs } from '@/app/prefs';
import { words } from '@/i18n';
import { readTexts } from '@/import/metadata';
import { withRecipeIn } from '@/import/write-meta';
import { because } from '@/queue/actions';
import { toast } from '@/ui/toasts';
import { bytesUrl, saveAs } from './download';
import { fileName } from './recipe-text';

const QUALITY = 0.95;
const KEEP_MS = 60_000; // a browser may ask before it saves

async function drawn(bytes: Blob, type: string): Promise<{ blob: Blob; width: number; height: number }> {
  const picture = await createImageBitmap(bytes);
  const { width, height } = picture;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
  picture.close();
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, type, QUALITY));
  // A browser that cannot write a format writes a PNG.
  if (blob?.type !== type) throw new Error(words().viewer.cannotWrite);
  return { blob, width, height };
}

export async function downloadAs(item: Item, format: string): Promise<void> {
  const t = words().viewer;
  try {
    const answer = await fetch(bytesUrl(item, true));
    if (!answer.ok) throw new Error(t.missing);
    const source = await answer.blob();
    const { blob, width, height } = await drawn(source, `image/${format}`);
    const texts = usePrefs.getState().embedRecipe ? await readTexts(new Uint8Array(await source.arrayBuffer())) : [];
    const recipe = texts.find((x) => x.key === 'ideogram4')?.text;
    const whole = recipe === undefined ? null : withRecipeIn(new Uint8Array(await blob.arrayBuffer()), recipe, width, height);
    const url = URL.createObjectURL(whole ? new Blob([whole as BlobPart], { type: blob.type }) : blob);
    saveAs(url, fileName({ ...item, format }));
    setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
    if (recipe !== undefined && !whole) toast({ kind: 'info', text: t.noRoom, group: 'convert' });
  } catch (e) {
    toast({ kind: 'bad', text: t.actionFailed(because(e)), group: 'convert' });
  }
}
