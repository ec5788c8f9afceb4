// The four tabs of narrow screens.
import { useNavigate, useRouterState } from '@tanstack/react-router';
import clsx from 'clsx';
import { Image, Images, ListOrdered, PenLine } from 'lucide-react';
import { FreshBadge } from '@/queue/fresh-badge';
import { useT } from '@/i18n';
import { setUi, useUi, type Tab } from './ui-state';

export function Tabs() {
  const t = useT().app;
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const inEditor = path === '/' || path.startsWith('/history/');
  const tab = useUi((s) => s.tab);
  const tabs: { tab: Tab; label: string; icon: typeof Image }[] = [
    { tab: 'create', label: t.create, icon: PenLine },
    { tab: 'stage', label: t.stage, icon: Image },
    { tab: 'queue', label: t.queue, icon: ListOrdered },
    { tab: 'library', label: t.library, icon: Images },
  ];
  const go = (to: Tab) => {
    setUi({ tab: to, queueOpen: to === 'queue', drawerOverlay: false });
    if (to === 'library') void navigate({ to: '/library' });
    else if (!inEditor) void navigate({ to: '/' });
  };
  return (
    <nav aria-label={t.navigation} className="flex border-t border-line tablet:hidden">
      {tabs.map(({ tab: one, label, icon: Icon }) => {
        const isOn = inEditor ? tab === one : one === 'library';
        return (
          <button
            key={one}
            type="button"
            aria-current={isOn ? 'page' : undefined}
            onClick={() => go(one)}
            className={clsx(
              'flex h-13 flex-1 flex-col items-center justify-center gap-0.5 text-micro font-medium',
              isOn ? 'text-accent' : 'text-text-2',
            )}
          >
            <span className="relative">
              <Icon size={20} aria-hidden />
              {one === 'library' && <FreshBadge className="-end-3 -top-1" />}
            </span>
            {label}
          </button>
        );
      })}
    </nav>
  );
}
