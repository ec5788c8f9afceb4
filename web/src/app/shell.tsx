// The frame: rail, history drawer, the page's own content, and one bottom region for banners, the
// queue and, on narrow screens, Generate and the tabs. One instance of everything at every width.
import { Outlet } from '@tanstack/react-router';
import clsx from 'clsx';
import { Suspense, useEffect } from 'react';
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
import { setUi, useUi } from './ui-state';
import { useServer } from './use-server';

const HistoryDrawer = later(() => import('@/library/history-drawer').then((m) => m.HistoryDrawer));
const Preferences = later(() => import('./preferences').then((m) => m.Preferences));

const closeHistory = () => setUi({ drawerOverlay: false });

/** What lay over the page gives the focus back to the button that opened it. */
function useFocusBack(isOpen: boolean): void {
  useEffect(() => {
    if (!isOpen) return;
    return () => {
      requestAnimationFrame(() => {
        const at = document.activeElement;
        if (at === document.body || at?.closest('aside')) document.querySelector<HTMLElement>('[data-testid=history-toggle]')?.focus();
      });
    };
  }, [isOpen]);
}

export function Shell() {
  const t = useT().app;
  const tab = useUi((s) => s.tab);
  const drawer = usePrefs((s) => s.drawer);
  const overlay = useUi((s) => s.drawerOverlay);
  useServer();
  useFocusBack(overlay);
  return (
    <div data-tab={tab} className="group/shell flex h-dvh flex-col overflow-hidden bg-bg">
      <a
        href="#main"
        className="absolute top-2 start-2 z-60 -translate-y-20 rounded-control bg-ink px-3 py-1.5 text-on-ink focus:translate-y-0"
      >
        {t.skip}
      </a>
      <div className="relative flex min-h-0 flex-1 max-tablet:flex-col">
        <Rail />
        {overlay && (
          <div aria-hidden onClick={closeHistory} className="absolute inset-0 z-20 bg-[oklch(0%_0_0/0.3)] max-tablet:hidden desk:hidden" />
        )}
        <aside
          aria-label={t.history}
          className={clsx(
            'z-30 w-66 shrink-0 flex-col border-e border-line bg-surface',
            'max-tablet:absolute max-tablet:inset-0 max-tablet:w-full max-tablet:border-0',
            'max-desk:absolute max-desk:inset-y-0 max-desk:start-14 max-tablet:start-0',
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
      <footer className="z-20 shrink-0 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] max-tablet:flex max-tablet:max-h-[calc(100dvh-13*var(--spacing))] max-tablet:flex-col">
        <Banner />
        <Panel>
          <QueueBar />
        </Panel>
        <Tabs />
      </footer>
      <Toasts />
      <Confirmation />
      <LiveRegion />
      <Panel>
        <Preferences />
      </Panel>
      <Panel>
        <KeyboardLayer />
      </Panel>
    </div>
  );
}
