// The frame: rail, history drawer, the page's own content, and one bottom region for banners, the
// queue and, on narrow screens, Generate and the tabs. One instance of everything at every width.
import { Outlet } from '@tanstack/react-router';
import clsx from 'clsx';
import { Suspense } from 'react';
import { QueueBar } from '@/queue/bar';
import { Confirmation } from '@/ui/confirm';
import { later } from '@/ui/later';
import { Toasts } from '@/ui/toasts';
import { useT } from '@/i18n';
import { Banner } from './banner';
import { KeyboardLayer } from './keyboard';
import { LiveRegion } from './live-region';
import { Panel } from './panel';
import { usePrefs } from './prefs';
import { Rail } from './rail';
import { Tabs } from './tabs';
import { useUi } from './ui-state';
import { useServer } from './use-server';

const HistoryDrawer = later(() => import('@/library/history-drawer').then((m) => m.HistoryDrawer));
const Preferences = later(() => import('./preferences').then((m) => m.Preferences));

export function Shell() {
  const t = useT().app;
  const tab = useUi((s) => s.tab);
  const drawer = usePrefs((s) => s.drawer);
  const overlay = useUi((s) => s.drawerOverlay);
  useServer();
  return (
    <div data-tab={tab} className="group/shell flex h-dvh flex-col overflow-hidden bg-bg">
      <a
        href="#main"
        className="absolute top-2 left-2 z-60 -translate-y-20 rounded-control bg-ink px-3 py-1.5 text-on-ink focus:translate-y-0"
      >
        {t.skip}
      </a>
      <div className="relative flex min-h-0 flex-1 max-tablet:flex-col">
        <Rail />
        <aside
          aria-label={t.history}
          className={clsx(
            'z-30 w-66 shrink-0 flex-col border-r border-line bg-surface',
            'max-tablet:absolute max-tablet:inset-0 max-tablet:w-full max-tablet:border-0',
            'max-desk:absolute max-desk:inset-y-0 max-desk:left-14 max-tablet:left-0',
            drawer ? 'desk:flex' : 'desk:hidden',
            overlay ? 'max-desk:flex max-desk:shadow-sheet' : 'max-desk:hidden',
          )}
        >
          <Panel>
            <HistoryDrawer />
          </Panel>
        </aside>
        <main id="main" tabIndex={-1} className="max-tablet:group-data-[tab=queue]/shell:invisible min-h-0 min-w-0 flex-1 outline-none">
          <Suspense fallback={null}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <footer className="z-20 shrink-0 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] max-tablet:flex max-tablet:max-h-[calc(100dvh-3.25rem)] max-tablet:flex-col">
        <Banner />
        <Panel>
          <QueueBar />
        </Panel>
        <Tabs />
      </footer>
      <Toasts />
      <Confirmation />
      <Preferences />
      <LiveRegion />
      <KeyboardLayer />
    </div>
  );
}
