// Saving a picture as a file, under a name that says what it is.
import { fileUrl } from '@/api/queries';
import type { Item } from '@/api/types';
import { fileName } from './recipe-text';

/** The browser fetches it itself: nothing of it is held here. */
export function download(item: Item, withRecipe = true): void {
  const link = document.createElement('a');
  link.href = fileUrl(item.id) + (withRecipe ? '' : '?recipe=0');
  link.download = fileName(item);
  document.body.append(link);
  link.click();
  link.remove();
}
