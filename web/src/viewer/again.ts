// Drawing a picture once more from its recipe: with a new seed, the same one, or a better preset.
// The editor is not touched.
import type { QueryClient } from '@tanstack/react-query';
import { recipeQuery } from '@/api/queries';
import type { Capabilities, Item, NewItem, Recipe } from '@/api/types';
import { formOf } from '@/document/form';
import { newId, randomSeed } from '@/lib/ids';
import { words } from '@/i18n';
import { addItems, because } from '@/queue/actions';
import { toast } from '@/ui/toasts';
import { captionText } from './recipe-text';

export interface Other {
  seed?: 'new';
  preset?: string;
}

export function itemFrom(item: Item, recipe: Recipe, other: Other): NewItem | null {
  const caption = captionText(recipe);
  if (caption === null) return null;
  const seed = other.seed === 'new' ? randomSeed() : (recipe.seed ?? item.seed);
  const loras = recipe.loras ?? item.loras;
  const settings = {
    width: recipe.width ?? item.w,
    height: recipe.height ?? item.h,
    preset: other.preset ?? recipe.preset ?? item.preset,
    format: item.format,
  };
  return {
    client_id: newId(),
    caption,
    ...settings,
    seed,
    loras,
    ...(item.prompt_id === null ? {} : { prompt_id: item.prompt_id }),
    form_json: formOf(caption, { ...settings, seed: String(seed) }, { loras }),
    hld: item.hld,
  };
}

export async function drawAgain(client: QueryClient, item: Item, other: Other): Promise<void> {
  const t = words().viewer;
  try {
    const wish = itemFrom(item, await client.fetchQuery(recipeQuery(item.id)), other);
    if (wish) await addItems(client, [wish]);
    else toast({ kind: 'bad', text: t.actionFailed(t.noCaption) });
  } catch (e) {
    toast({ kind: 'bad', text: t.actionFailed(because(e)) });
  }
}

/** The preset with more steps than this one; the best there is. */
export function betterPreset(capabilities: Capabilities | undefined, preset: string): { name: string; label: string } | null {
  const presets = [...(capabilities?.presets ?? [])].sort((a, b) => a.steps - b.steps);
  const now = presets.find((p) => p.name === preset)?.steps ?? 0;
  const best = presets.at(-1);
  return best && best.steps > now ? best : null;
}
