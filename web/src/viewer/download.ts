// Saving a picture as a file, under a name that says what it is.
import { fileUrl } from '@/api/queries';
import type { Item } from '@/api/types';
import { usePrefs } from '@/app/prefs';
import { fileName } from './recipe-text';

/** Where its bytes are; whether they say how it was made is a preference. */
export const bytesUrl = (item: Item, withRecipe = usePrefs.getState().embedRecipe): string =>
  fileUrl(item.id) + (withRecipe ? '' : '?recipe=0');

export function saveAs(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

/** The browser fetches it itself: nothing of it is held here. */
export function download(item: Item, withRecipe?: boolean): void {
  saveAs(bytesUrl(item, withRecipe), fileName(item));
}
