// The library behind its address. Its script and its first pictures come together; and it is shown
// as soon as both are there, for which <Suspense> would wait a third of a second after the frame.
import { useEffect, useState, type ComponentType } from 'react';
import type { LibrarySearch } from '@/app/router';
import { askEarly } from './early';
import { filtersOf, sortOf } from './search';

let Page: ComponentType | undefined;
let coming: Promise<void> | undefined;

export function loadLibrary(): Promise<void> {
  coming ??= import('./page').then(
    (m) => {
      Page = m.default;
    },
    (e: unknown) => {
      coming = undefined;
      throw e;
    },
  );
  return coming;
}

/** At the very start, when the address is the library's. */
export function prepareLibrary(search: LibrarySearch): void {
  loadLibrary().catch(() => undefined); // asked for again when it is shown
  askEarly(filtersOf(search), sortOf(search));
}

export function LibraryRoute() {
  const [state, setState] = useState<{ error?: unknown }>({});
  useEffect(() => {
    if (!Page) loadLibrary().then(() => setState({}), (error: unknown) => setState({ error }));
  }, []);
  if (state.error) throw state.error;
  return Page ? <Page /> : null;
}
