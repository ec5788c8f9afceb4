// Everything that can be done to a picture, wherever it is shown: the same list on cards, in the
// viewer, at versions and in the queue.
import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { capabilitiesQuery, recipeQuery } from '@/api/queries';
import type { Item, Recipe } from '@/api/types';
import { usePrefs } from '@/app/prefs';
import { copyText } from '@/lib/clipboard';
import { useT, words } from '@/i18n';
import { because } from '@/queue/actions';
import type { MenuItem } from '@/ui/menu';
import { toast } from '@/ui/toasts';
import { betterPreset, drawAgain } from './again';
import { change, trash } from './change';
import { openDetails, toggleCompare, useCompare } from './compare-state';
import { download } from './download';
import { intoEditor, layoutIntoEditor, takeSeed } from './into-editor';
import { captionText, command, fileName } from './recipe-text';
import { canShare, share } from './share';
import { SCALES, upscale, upscaleQuery } from './upscale';

async function withRecipe(client: QueryClient, item: Item, use: (recipe: Recipe) => unknown): Promise<void> {
  try {
    await use(await client.fetchQuery(recipeQuery(item.id)));
  } catch (e) {
    toast({ kind: 'bad', text: words().viewer.actionFailed(because(e)) });
  }
}

function copyOrSay(text: string | null): void {
  const t = words().viewer;
  if (text === null) toast({ kind: 'bad', text: t.actionFailed(t.noCaption) });
  else void copyText(text);
}

const FORMATS = ['png', 'webp', 'jpeg'] as const;
const FORMAT_NAMES = { png: 'PNG', webp: 'WebP', jpeg: 'JPEG' };

export interface Special {
  onTrash?: () => void; // instead of only putting it away
  onOpenEditor?: () => void; // after its recipe is in the editor
  onDetails?: () => void;
}

/** In groups: drawing, recipe, file, keeping, trash. */
export function useImageGroups(item: Item, special: Special = {}): MenuItem[][] {
  const t = useT().viewer;
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: capabilities } = useQuery(capabilitiesQuery);
  const canUpscale = capabilities?.features?.upscale === true;
  const { data: upscaler } = useQuery({ ...upscaleQuery, enabled: canUpscale });
  const embeds = usePrefs((s) => s.embedRecipe);
  const isGathered = useCompare((s) => s.ids.includes(item.id));
  const better = betterPreset(capabilities, item.preset);
  const toEntry =
    item.prompt_id === null
      ? null
      : () => void navigate({ to: '/history/$promptId', params: { promptId: item.prompt_id as number } });

  const draw: MenuItem[] = [
    { label: t.regenerate, keys: 'R', run: () => void drawAgain(client, item, { seed: 'new' }) },
    { label: t.sameSeed, keys: '⇧R', run: () => void drawAgain(client, item, {}) },
    ...(better ? [{ label: t.finish(better.label), run: () => void drawAgain(client, item, { preset: better.name }) }] : []),
    ...(canUpscale && upscaler?.configured
      ? upscaler.available_presets.flatMap((preset) =>
          SCALES.map((scale) => ({
            label: t.upscale(scale, t.upscalePresets[preset as 'standard' | 'sharp'] ?? preset),
            run: () => void upscale(client, item.id, scale, preset, toEntry),
          })),
        )
      : []),
  ];
  const recipe: MenuItem[] = [
    {
      label: t.openRecipe,
      run: () =>
        void withRecipe(client, item, async (r) => {
          special.onOpenEditor?.();
          await intoEditor({ ...r, caption: captionText(r), format: item.format }, navigate);
        }),
    },
    {
      label: t.useLayout,
      run: () =>
        void withRecipe(client, item, async (r) => {
          const caption = captionText(r);
          if (caption === null) return copyOrSay(null);
          special.onOpenEditor?.();
          await layoutIntoEditor(caption, navigate);
        }),
    },
    { label: t.useSeed, run: () => takeSeed(item.seed) },
    ...(toEntry ? [{ label: t.openEntry, run: toEntry }] : []),
    { label: t.copyCaption, run: () => void withRecipe(client, item, (r) => copyOrSay(captionText(r))) },
    { label: t.copySeed, run: () => void copyText(String(item.seed)) },
    {
      label: t.copyCommand,
      run: () => void withRecipe(client, item, (r) => copyOrSay(command(r, item.format, fileName(item)))),
    },
  ];
  const keep: MenuItem[] = [
    {
      label: item.fav ? t.unfavorite : t.favorite,
      keys: 'F',
      run: () => void change(client, item, { fav: !item.fav }),
    },
    { label: t.details, run: special.onDetails ?? (() => openDetails(item.id)) },
    { label: isGathered ? t.compareRemove : t.compareAdd, run: () => toggleCompare(item.id) },
  ];
  const file: MenuItem[] = [
    ...(canShare() ? [{ label: t.share, run: () => void share(item) }] : []),
    { label: t.download, run: () => download(item) },
    // The other of the two, whatever is preferred.
    { label: embeds ? t.downloadClean : t.downloadWith, run: () => download(item, !embeds) },
    ...FORMATS.filter((format) => format !== item.format).map((format) => ({
      label: t.downloadAs(FORMAT_NAMES[format]),
      run: () => void import('./convert').then(({ downloadAs }) => downloadAs(item, format)),
    })),
  ];
  const away: MenuItem[] = [
    { label: t.trash, keys: 'Del', isBad: true, run: special.onTrash ?? (() => void trash(client, item.id)) },
  ];
  return [draw, recipe, keep, file, away];
}

export function useImageActions(item: Item, special?: Special): MenuItem[] {
  return useImageGroups(item, special).flat();
}

/** With lines between the groups. */
export function withLines(groups: MenuItem[][]): (MenuItem | null)[] {
  return groups.filter((g) => g.length > 0).flatMap((group, i) => (i === 0 ? group : [null, ...group]));
}
