// What the shown picture is, and what can be done with it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import clsx from 'clsx';
import { Dices, Download, History, SquareDashed, Star } from 'lucide-react';
import type { ReactNode } from 'react';
import { capabilitiesQuery, recipeQuery } from '@/api/queries';
import type { Item } from '@/api/types';
import { setKept, useCanvas } from '@/editor/layout/state';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { duration, number } from '@/lib/format';
import { IconButton } from '@/ui/button';
import { openSeeds } from '@/queue/seeds-state';
import { Tip } from '@/ui/tip';
import { change } from '@/viewer/change';
import { download } from '@/viewer/download';
import { ImageMenu } from '@/viewer/menu';

const ICON = 16;
const iconLink =
  'inline-flex size-8 items-center justify-center rounded-control text-text-2 hover:bg-sunken hover:text-text pointer-coarse:size-11';

function Badge({ children }: { children: ReactNode }) {
  return <span className="rounded-thumb bg-sunken px-1.5 py-0.5 text-caption whitespace-nowrap text-text-2">{children}</span>;
}

function Badges({ item }: { item: Item }) {
  const t = useT().stage;
  const { data: can } = useQuery(capabilitiesQuery);
  const { data: recipe } = useQuery(recipeQuery(item.id));
  const preset = can?.presets?.find((p) => p.name === item.preset);
  const seconds = recipe?.seconds ?? null;
  const loras = item.loras ?? [];
  return (
    <div className="flex min-w-0 flex-1 flex-wrap items-center gap-1.5 max-tablet:scroll-thin max-tablet:basis-full max-tablet:flex-nowrap max-tablet:overflow-x-auto">
      <Badge>{preset ? `${preset.label} ${preset.steps}` : item.preset}</Badge>
      <Badge>
        <span className="num">{`${item.w} × ${item.h}`}</span>
      </Badge>
      <Tip text={t.copySeed(String(item.seed))}>
        <button
          type="button"
          aria-label={t.copySeed(String(item.seed))}
          onClick={() => void copyText(String(item.seed))}
          className="group flex min-h-6 items-center pointer-coarse:min-h-[44px]"
        >
          <span className="num rounded-thumb bg-sunken px-1.5 py-0.5 text-caption text-text-2 group-hover:bg-line group-hover:text-text">
            {item.seed}
          </span>
        </button>
      </Tip>
      {loras.length === 0 && <Badge>{t.noLoras}</Badge>}
      {loras.map((l) => (
        <Badge key={l.name}>
          {l.name.replace(/\.safetensors$/, '')} <span className="num">{number(l.strength, 2)}</span>
        </Badge>
      ))}
      {seconds !== null && (
        <Badge>
          <span className="num">{seconds < 10 ? `${number(seconds, 1)} s` : duration(seconds)}</span>
        </Badge>
      )}
    </div>
  );
}

export function ResultBar({ item, promptId }: { item: Item; promptId: number | null }) {
  const {
    stage: t,
    queue: { seeds },
  } = useT();
  const client = useQueryClient();
  const showBoxes = useCanvas((s) => s.showBoxes);
  return (
    <div className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 border-t max-tablet:gap-y-0 border-line bg-surface px-4 py-1.5">
      <Badges item={item} />
      <div className="flex items-center max-tablet:-mx-3 max-tablet:flex-1 max-tablet:justify-between">
        {promptId === null && item.prompt_id !== null && (
          <Tip text={t.openEntry}>
            <Link
              to="/history/$promptId"
              params={{ promptId: item.prompt_id }}
              aria-label={t.openEntry}
              className={iconLink}
            >
              <History size={ICON} aria-hidden />
            </Link>
          </Tip>
        )}
        <IconButton label={seeds.open} onClick={() => openSeeds(item)}>
          <Dices size={ICON} />
        </IconButton>
        <IconButton label={t.showBoxes} pressed={showBoxes} onClick={() => setKept({ showBoxes: !showBoxes })}>
          <SquareDashed size={ICON} />
        </IconButton>
        <IconButton label={t.favorite} pressed={item.fav} onClick={() => void change(client, item, { fav: !item.fav })}>
          <Star size={ICON} className={clsx(item.fav && 'fill-current')} />
        </IconButton>
        <IconButton label={t.download} onClick={() => download(item)}>
          <Download size={ICON} />
        </IconButton>
        <ImageMenu item={item} size="normal" />
      </div>
    </div>
  );
}
