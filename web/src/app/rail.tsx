// Where one goes: a narrow rail at the side, a bar at the top on narrow screens.
import { Link, useNavigate } from '@tanstack/react-router';
import { Clock, Images, PenLine, Plus, Settings2, Star, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { ModelPanel } from '@/model/panel';
import { FreshBadge } from '@/queue/fresh-badge';
import { useFresh } from '@/queue/fresh';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { Tip } from '@/ui/tip';
import { createNew } from '@/editor/new';
import { Panel } from './panel';
import { setPrefs, usePrefs } from './prefs';
import { setUi, useUi } from './ui-state';

function To({ to, search, label, children }: { to: string; search?: object; label: string; children: ReactNode }) {
  return (
    <Tip text={label}>
      <Link
        to={to}
        search={search}
        aria-label={label}
        onClick={() => setUi({ drawerOverlay: false })}
        activeOptions={{ includeSearch: search !== undefined, explicitUndefined: true, exact: to === '/' }}
        activeProps={{ 'aria-current': 'page' }}
        className="relative flex size-10 items-center justify-center rounded-control text-text-2 hover:bg-sunken hover:text-text aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent pointer-coarse:size-11"
      >
        {children}
      </Link>
    </Tip>
  );
}

// Of the two that lead to the library one is where one is.
const NOT_FAVORITES = { fav: undefined };

export function Rail() {
  const words = useT();
  const t = words.app;
  const fresh = useFresh((s) => s.list.length);
  const navigate = useNavigate();
  const drawer = usePrefs((s) => s.drawer);
  const overlay = useUi((s) => s.drawerOverlay);
  const toggle = () => {
    const isDesk = window.matchMedia('(min-width: 1440px)').matches;
    if (isDesk) setPrefs({ drawer: !drawer });
    else setUi({ drawerOverlay: !overlay });
  };
  return (
    <nav
      aria-label={t.navigation}
      className="z-30 flex shrink-0 border-line bg-surface max-tablet:h-13 max-tablet:items-center max-tablet:gap-1 max-tablet:border-b max-tablet:px-2 tablet:w-14 tablet:flex-col tablet:items-center tablet:gap-1 tablet:border-e tablet:py-2"
    >
      <IconButton
        look="ink"
        size="large"
        label={t.createNew}
        className="size-10 pointer-coarse:h-11!"
        onClick={() => {
          setUi({ drawerOverlay: false });
          void createNew();
          void navigate({ to: '/' });
        }}
      >
        <Plus size={18} />
      </IconButton>
      <div className="max-tablet:hidden tablet:contents">
        <To to="/" label={t.create}>
          <PenLine size={18} />
        </To>
      </div>
      <IconButton
        size="large"
        label={t.toggleHistory}
        data-testid="history-toggle"
        aria-expanded={drawer || overlay}
        className="size-10 pointer-coarse:h-11!"
        onClick={toggle}
      >
        <Clock size={18} />
      </IconButton>
      <To to="/library" search={NOT_FAVORITES} label={fresh > 0 ? words.queue.libraryFresh(t.library, fresh) : t.library}>
        <Images size={18} />
        <FreshBadge />
      </To>
      <To to="/library" search={{ fav: true }} label={t.favorites}>
        <Star size={18} />
      </To>
      <To to="/trash" label={t.trash}>
        <Trash2 size={18} />
      </To>
      <span className="flex-1" />
      <Panel>
        <ModelPanel />
      </Panel>
      <IconButton size="large" label={t.preferences} className="size-10 pointer-coarse:h-11!" onClick={() => setUi({ preferences: true })}>
        <Settings2 size={18} />
      </IconButton>
    </nav>
  );
}
