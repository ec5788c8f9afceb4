// Beside the picture: stars, tags, and what made it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Copy } from 'lucide-react';
import type { ReactNode } from 'react';
import { capabilitiesQuery, recipeQuery } from '@/api/queries';
import type { Item, Recipe } from '@/api/types';
import { copyText } from '@/lib/clipboard';
import { dateTime, duration, ratio, serverDate } from '@/lib/format';
import { useT } from '@/i18n';
import { captionTitle } from '@/queue/labels';
import { Button, IconButton } from '@/ui/button';
import { change, rate, setFlag } from './change';
import { takeSeed } from './into-editor';
import { Rating } from './rating';
import { captionText, command, fileName, lorasText } from './recipe-text';
import { Tags } from './tags';

export function StarsAndTags({ item }: { item: Item }) {
  const t = useT().viewer;
  const client = useQueryClient();
  return (
    <section aria-label={t.details} className="flex flex-col gap-3">
      <Rating value={item.rating} onChange={(stars) => rate(client, item, stars)} />
      <Tags
        tags={item.tags}
        onAdd={(tag) => void change(client, item, { add_tags: [tag] })}
        onRemove={(tag) => void change(client, item, { remove_tags: [tag] })}
      />
    </section>
  );
}

function Fact({ name, children, copy }: { name: string; children: ReactNode; copy?: { label: string; text: string } }) {
  return (
    <div className="flex min-h-7 items-center gap-2">
      <dt className="w-24 shrink-0 text-caption text-text-3">{name}</dt>
      <dd className="flex min-w-0 flex-1 items-center gap-1 text-control">
        <span className="min-w-0 break-words">{children}</span>
        {copy && (
          <IconButton size="small" label={copy.label} onClick={() => void copyText(copy.text)}>
            <Copy size={13} />
          </IconButton>
        )}
      </dd>
    </div>
  );
}

function Facts({ item, recipe }: { item: Item; recipe: Recipe }) {
  const t = useT();
  const v = t.viewer;
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const preset = recipe.preset ?? item.preset;
  const label = capabilities?.presets?.find((p) => p.name === preset)?.label ?? preset;
  const [w, h] = [recipe.width ?? item.w, recipe.height ?? item.h];
  const seed = recipe.seed ?? item.seed;
  return (
    <dl className="flex flex-col">
      <Fact name={v.size}>
        <span className="num">
          {w}×{h}
        </span>{' '}
        <span className="num text-text-3">{ratio(w, h)}</span>
      </Fact>
      <Fact name={v.preset}>
        {label}
        {recipe.steps !== null && <span className="text-text-3"> · {`${recipe.steps} ${v.steps}`}</span>}
      </Fact>
      <Fact name={v.seed} copy={{ label: v.copySeed, text: String(seed) }}>
        <span className="num">{seed}</span>
      </Fact>
      <Fact name={v.loras}>{lorasText(recipe.loras ?? item.loras, t.ui.none)}</Fact>
      <Fact name={v.format}>{item.format}</Fact>
      {recipe.model && <Fact name={v.model}>{recipe.model}</Fact>}
      {recipe.program && <Fact name={v.program}>{recipe.program}</Fact>}
      {recipe.seconds !== null && (
        <Fact name={v.took}>
          <span className="tabular-nums">{duration(recipe.seconds)}</span>
        </Fact>
      )}
      <Fact name={v.made}>{dateTime(serverDate(item.created_at))}</Fact>
    </dl>
  );
}

function RecipeText({ item, recipe }: { item: Item; recipe: Recipe }) {
  const v = useT().viewer;
  const caption = captionText(recipe);
  const line = command(recipe, item.format, fileName(item));
  const seed = recipe.seed ?? item.seed;
  return (
    <>
      {recipe.source === 'row' && <p className="text-caption text-text-3">{v.recipeRow}</p>}
      <p className="max-w-[68ch] text-body break-words">{captionTitle(caption) ?? (item.hld || v.noTitle)}</p>
      <div className="flex flex-wrap gap-1">
        {caption !== null && (
          <Button size="small" onClick={() => void copyText(caption)}>
            {v.copyCaption}
          </Button>
        )}
        <Button size="small" onClick={() => takeSeed(seed)}>
          {v.useSeed}
        </Button>
      </div>
      <Facts item={item} recipe={recipe} />
      {line !== null && (
        <div className="flex flex-col gap-1">
          <h3 className="text-caption font-medium text-text-2">{v.command}</h3>
          <pre
            // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolls, so the keyboard must get there
            tabIndex={0}
            aria-label={v.command}
            className="num scroll-thin max-h-28 overflow-auto rounded-control bg-sunken p-2 text-micro break-all whitespace-pre-wrap"
          >
            {line}
          </pre>
          <Button size="small" className="self-start" onClick={() => void copyText(line)}>
            {v.copyCommand}
          </Button>
        </div>
      )}
    </>
  );
}

export function RecipePanel({ item }: { item: Item }) {
  const t = useT();
  const client = useQueryClient();
  const recipe = useQuery(recipeQuery(item.id));
  return (
    <div className="flex flex-col gap-4 p-4">
      {item.flag === 'blocked' && (
        <div className="flex flex-wrap items-center gap-2 rounded-control bg-warn-soft px-3 py-2 text-control">
          <p className="flex-1">{t.viewer.blocked}</p>
          <Button size="small" onClick={() => void setFlag(client, item, 'real')}>
            {t.viewer.itIsReal}
          </Button>
        </div>
      )}
      <StarsAndTags item={item} />
      <section aria-label={t.viewer.recipe} className="flex flex-col gap-3 border-t border-line pt-4">
        {recipe.data ? (
          <RecipeText item={item} recipe={recipe.data} />
        ) : recipe.isError ? (
          <p className="flex flex-wrap items-center gap-2 text-control text-bad">
            {t.viewer.recipeFailed}
            <Button size="small" onClick={() => void recipe.refetch()}>
              {t.ui.retry}
            </Button>
          </p>
        ) : (
          <p className="text-control text-text-3">{t.ui.loading}</p>
        )}
      </section>
    </div>
  );
}
