// The addresses of the page. Filters and the open picture are in the address, so that back, reload
// and links show the same.
import { createRootRoute, createRoute, createRouter, defaultParseSearch, redirect } from '@tanstack/react-router';
import * as v from 'valibot';
import { call } from '@/api/client';
import { EditorPage } from '@/editor/page';
import { LibraryRoute, loadLibrary, prepareLibrary } from '@/library/route';
import { lazy } from 'react';
import { NotFound } from './not-found';
import { Stopped } from './panel';
import { Shell } from './shell';

const TrashPage = lazy(() => import('@/library/trash'));

const text = v.fallback(v.optional(v.string()), undefined);
const whole = v.fallback(v.optional(v.pipe(v.number(), v.integer())), undefined);

export const LibrarySearch = v.object({
  q: text,
  fav: v.fallback(v.optional(v.boolean()), undefined),
  rating: whole,
  tag: v.fallback(v.optional(v.array(v.string())), undefined),
  preset: text,
  from: text,
  to: text,
  ratio: text,
  lora: text,
  flag: v.fallback(v.optional(v.picklist(['blocked', 'any'])), undefined),
  prompt_id: v.fallback(v.optional(v.union([v.pipe(v.number(), v.integer()), v.literal('none')])), undefined),
  sort: v.fallback(v.optional(v.picklist(['newest', 'oldest', 'rating', 'size'])), undefined),
  image: whole, // open in the viewer
});
export type LibrarySearch = v.InferOutput<typeof LibrarySearch>;

const EditorSearch = v.object({ image: whole });

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const editor = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: (s) => v.parse(EditorSearch, s),
  component: () => <EditorPage promptId={null} />,
});

const history = createRoute({
  getParentRoute: () => root,
  path: '/history/$promptId',
  params: {
    parse: ({ promptId }) => ({ promptId: /^\d{1,15}$/.test(promptId) ? Number(promptId) : -1 }),
    stringify: ({ promptId }) => ({ promptId: String(promptId) }),
  },
  validateSearch: (s) => v.parse(EditorSearch, s),
  component: function History() {
    return <EditorPage promptId={history.useParams().promptId} />;
  },
});

const library = createRoute({
  getParentRoute: () => root,
  path: '/library',
  validateSearch: (s) => v.parse(LibrarySearch, s),
  // Not waited for; called when the pointer comes near a link as well.
  loader: () => void loadLibrary().catch(() => undefined),
  component: LibraryRoute,
});

const trash = createRoute({ getParentRoute: () => root, path: '/trash', component: TrashPage });

// Addresses of the original.
const gallery = createRoute({
  getParentRoute: () => root,
  path: '/gallery',
  beforeLoad: () => {
    throw redirect({ to: '/library' });
  },
});
const favorites = createRoute({
  getParentRoute: () => root,
  path: '/favorites',
  beforeLoad: () => {
    throw redirect({ to: '/library', search: { fav: true } });
  },
});
const favorite = createRoute({
  getParentRoute: () => root,
  path: '/favorites/$favoriteId',
  beforeLoad: async ({ params }) => {
    const found = await call<{ prompt_id: number | null; image_id: number }>(
      `/api/favorites/${encodeURIComponent(params.favoriteId)}`,
    ).catch(() => null);
    throw found?.prompt_id != null
      ? redirect({ to: '/history/$promptId', params: { promptId: found.prompt_id } })
      : redirect({ to: '/library', search: { fav: true, image: found?.image_id } });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([editor, history, library, trash, gallery, favorites, favorite]),
  defaultPreload: 'intent',
  scrollRestoration: false,
  defaultErrorComponent: ({ error, reset }) => <Stopped error={error} resetErrorBoundary={reset} />,
});

if (/^\/library\/?$/.test(window.location.pathname)) {
  prepareLibrary(v.parse(LibrarySearch, defaultParseSearch(window.location.search)));
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
