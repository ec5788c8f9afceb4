// One entry of the history: what it shows, where it leads, and its menu.
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import clsx from 'clsx';
import { Copy, EllipsisVertical, FileDiff, Pencil, Pin, PinOff, Star, Trash2 } from 'lucide-react';
import { memo, useMemo, useState } from 'react';
import { thumbUrl } from '@/api/queries';
import type { Entry } from '@/api/types';
import { setUi } from '@/app/ui-state';
import { clock, dateTime, serverDate, shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { Menu } from '@/ui/menu';
import { duplicateEntry, favoriteEntry } from './entry-actions';
import { note } from './entry-notes';
import { factsOf } from './entries';
import { Miniature } from './miniature';

export interface EntryItemProps {
  entry: Entry;
  isCurrent: boolean;
  isFavorite: boolean;
  presetLabel: (name: string) => string;
  name: string | undefined; // that a person gave it
  isPinned: boolean;
  onTrash: (id: number) => void;
  onRename: (entry: Entry) => void;
  onCompare: (entry: Entry) => void;
}

export const EntryItem = memo(function EntryItem(p: EntryItemProps) {
  const { entry, isCurrent, isFavorite, presetLabel, isPinned } = p;
  const t = useT();
  const client = useQueryClient();
  const navigate = useNavigate();
  const facts = useMemo(() => factsOf(entry.form_json), [entry.form_json]);
  const [isBroken, setBroken] = useState(false);
  const date = serverDate(entry.saved_at);
  const text = p.name ?? (shorten(entry.hld || facts?.caption.hld || '') || t.library.entryWithoutWords);
  const details = [
    facts && facts.width > 0 ? `${facts.width}×${facts.height}` : '',
    facts?.preset ? presetLabel(facts.preset) : '',
    entry.images > 1 ? t.library.versions(entry.images) : '',
  ].filter(Boolean);
  const { cover } = entry;
  return (
    <div
      className={clsx(
        'group/entry relative flex h-full items-center rounded-control',
        isCurrent ? 'bg-accent-soft' : 'hover:bg-sunken',
      )}
    >
      <Link
        to="/history/$promptId"
        params={{ promptId: entry.id }}
        search={{}}
        preload={false}
        data-testid="history-item"
        data-id={entry.id}
        aria-current={isCurrent ? 'page' : undefined}
        onClick={() => setUi({ drawerOverlay: false, tab: 'stage' })}
        className="flex h-full min-w-0 flex-1 items-center gap-2.5 rounded-control py-2 pe-8 ps-2 -outline-offset-2 pointer-coarse:pe-11"
      >
        <span className="flex size-14 shrink-0 items-center justify-center overflow-hidden rounded-thumb bg-sunken">
          {cover !== null && !isBroken ? (
            <img
              src={thumbUrl(cover, 160)}
              alt=""
              loading="lazy"
              decoding="async"
              draggable={false}
              onError={() => setBroken(true)}
              className="size-full object-cover"
            />
          ) : (
            <Miniature
              caption={facts?.caption ?? null}
              ratio={facts && facts.width > 0 && facts.height > 0 ? facts.width / facts.height : 1}
            />
          )}
        </span>
        <span className="flex min-w-0 flex-1 flex-col gap-0.5">
          <span className="line-clamp-2 text-control leading-4.5 text-text">{text}</span>
          <span className="flex items-center gap-1.5 text-micro text-text-3">
            <time dateTime={date.toISOString()} title={dateTime(date)} className="num shrink-0">
              {clock(date)}
            </time>
            <span className="truncate">{details.join(' · ')}</span>
            {isPinned && <Pin size={11} fill="currentColor" role="img" aria-label={t.library.pinned} className="shrink-0" />}
            {isFavorite && <Star size={11} fill="currentColor" role="img" aria-label={t.library.favorite} className="shrink-0" />}
          </span>
        </span>
      </Link>
      <Menu
        trigger={
          <IconButton
            size="small"
            label={t.library.entryMenu(shorten(text, 40))}
            className="absolute! top-1/2 end-0.5 -translate-y-1/2 opacity-0 group-focus-within/entry:opacity-100 group-hover/entry:opacity-100 aria-expanded:opacity-100 pointer-coarse:opacity-100"
          >
            <EllipsisVertical size={14} />
          </IconButton>
        }
        items={[
          ...(cover === null
            ? []
            : [
                {
                  label: isFavorite ? t.library.unfavorite : t.library.favorite,
                  icon: <Star size={14} />,
                  run: () => favoriteEntry(client, cover, !isFavorite),
                },
              ]),
          {
            label: isPinned ? t.library.unpin : t.library.pin,
            icon: isPinned ? <PinOff size={14} /> : <Pin size={14} />,
            run: () => note(entry.id, { pinned: !isPinned }),
          },
          { label: t.library.rename, icon: <Pencil size={14} />, run: () => p.onRename(entry) },
          { label: t.library.compareCaptions, icon: <FileDiff size={14} />, run: () => p.onCompare(entry) },
          {
            label: t.library.duplicate,
            icon: <Copy size={14} />,
            run: () =>
              void duplicateEntry(entry).then((done) => {
                if (!done) return;
                setUi({ drawerOverlay: false, tab: 'create' });
                void navigate({ to: '/' });
              }),
          },
          null,
          { label: t.library.deleteEntry, icon: <Trash2 size={14} />, isBad: true, run: () => p.onTrash(entry.id) },
        ]}
      />
    </div>
  );
});
