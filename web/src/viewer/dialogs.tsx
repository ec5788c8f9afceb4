// Dialogs about pictures that any part of the page may open: comparing, and stars with tags.
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { itemQuery } from '@/api/queries';
import { useT } from '@/i18n';
import { Dialog } from '@/ui/dialog';
import { closeCompare, openDetails, useCompare } from './compare-state';
import { EntryViewer } from './entry-viewer';
import { PointMenuHost } from './point-menu-host';
import { StarsAndTags } from './recipe-panel';

const Compare = lazy(() => import('./compare'));

function Details({ id }: { id: number }) {
  const t = useT();
  const { data: item, isError } = useQuery(itemQuery(id));
  return (
    <Dialog title={t.viewer.details} onClose={() => openDetails(null)} sheet>
      {item ? <StarsAndTags item={item} /> : <p className="text-text-2">{isError ? t.viewer.gone : t.ui.loading}</p>}
    </Dialog>
  );
}

export function ImageDialogs() {
  const { open, details } = useCompare();
  return (
    <>
      <EntryViewer />
      {open && (
        <Suspense fallback={null}>
          <Compare ids={open} onClose={closeCompare} />
        </Suspense>
      )}
      {details !== null && <Details key={details} id={details} />}
      <PointMenuHost />
    </>
  );
}
