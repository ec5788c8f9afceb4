// A file or a text is read and offered. Loaded when the first one comes.
import { MetaError, kindOf, readTexts } from './metadata';
import { FILE_MAX, ImportError, importBytes, importText, type Imported, type Trouble } from './recipe';
import { offer } from './state';

const NOTHING: Imported = { kind: 'none', caption: null, settings: {}, ratio: null, repairs: [], model: null };

const troubleOf = (e: unknown): Trouble => (e instanceof ImportError ? e.trouble : 'broken');

const HEAD = 1024 * 1024;

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());

/** A beginning that announces too much text needs no rest. */
async function refuseSoon(head: Uint8Array): Promise<void> {
  try {
    await readTexts(head);
  } catch (e) {
    if (e instanceof MetaError && e.trouble === 'textTooLarge') throw new ImportError(e.trouble);
  }
}

export async function openFile(file: File): Promise<void> {
  const { name } = file;
  if (file.size > FILE_MAX) return offer({ imported: null, trouble: 'tooLarge', picture: null, name });
  let isPicture = false;
  try {
    const head = await bytesOf(file.slice(0, HEAD));
    isPicture = kindOf(head) !== null;
    if (isPicture && file.size > HEAD) await refuseSoon(head);
    const bytes = file.size > HEAD ? await bytesOf(file) : head;
    offer({ imported: await importBytes(bytes), trouble: null, picture: isPicture ? file : null, name });
  } catch (e) {
    // A picture whose text is unusable is still a picture.
    const trouble = troubleOf(e);
    offer({ imported: isPicture ? NOTHING : null, trouble, picture: isPicture ? file : null, name });
  }
}

/** True when the text holds a caption and was offered. */
export function openText(text: string, { onlyRepaired = false } = {}): boolean {
  if (!text.includes('{')) return false;
  try {
    const imported = importText(text);
    if (onlyRepaired && imported.repairs.length === 0) return false;
    offer({ imported, trouble: null, picture: null, name: '' });
    return true;
  } catch {
    return false;
  }
}
