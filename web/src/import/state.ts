// What was dropped, pasted or chosen and waits for an answer.
import { create } from 'zustand';
import type { Imported, Trouble } from './recipe';

export interface Offered {
  imported: Imported | null; // null: only the trouble is known
  trouble: Trouble | null;
  picture: File | null;
  name: string;
}

export const useImport = create<{ offered: Offered | null }>()(() => ({ offered: null }));

export const offer = (offered: Offered | null): void => useImport.setState({ offered });
