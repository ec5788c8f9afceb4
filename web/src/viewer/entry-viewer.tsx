// The viewer over the editor: `?image=` names the picture; the versions of the opened entry are its
// neighbours. (The library shows its own list.)
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { versionsQuery } from '@/api/queries';

const Viewer = lazy(() => import('./viewer').then((m) => ({ default: m.Viewer })));

/** The entry of an address of the editor; "new": the blank editor; null: another page. */
export function entryOfPath(path: string): number | 'new' | null {
  if (path === '/') return 'new';
  const id = /^\/history\/(\d{1,15})$/.exec(path)?.[1];
  return id === undefined ? null : Number(id);
}

function Open({ entry, image }: { entry: number | 'new'; image: number }) {
  const navigate = useNavigate();
  const versions = useQuery({ ...versionsQuery(entry === 'new' ? -1 : entry), enabled: entry !== 'new' });
  const items = versions.data?.items ?? [];
  const place = items.findIndex((item) => item.id === image);
  const show = (id: number | undefined) =>
    void navigate({ to: '.', search: (old: object) => ({ ...old, image: id }), replace: true });
  if (entry !== 'new' && versions.isPending) return null;
  const list = place >= 0 ? items : [image];
  return (
    <Viewer
      items={list}
      index={Math.max(0, place)}
      onIndex={(i) => show(items[i]?.id ?? image)}
      onClose={() => show(undefined)}
    />
  );
}

export function EntryViewer() {
  const entry = useRouterState({ select: (s) => entryOfPath(s.location.pathname) });
  const image = useRouterState({ select: (s) => (s.location.search as { image?: unknown }).image });
  if (entry === null || typeof image !== 'number') return null;
  return (
    <Suspense fallback={null}>
      <Open key={String(entry)} entry={entry} image={image} />
    </Suspense>
  );
}
