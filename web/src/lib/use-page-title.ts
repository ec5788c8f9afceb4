// The title of the tab: what the page shows, then the name of the program (D32).
import { useEffect } from 'react';
import { useT } from '@/i18n';

export function usePageTitle(title: string): void {
  const name = useT().app.name;
  useEffect(() => {
    document.title = title === '' ? name : `${title} – ${name}`;
  }, [title, name]);
}
