// The LoRAs of the document, those that are switched off but not forgotten, and what is installed.
import { queryOptions } from '@tanstack/react-query';
import * as v from 'valibot';
import { create } from 'zustand';
import { call } from '@/api/client';
import { useDocument, type LoraUse } from '@/document/store';
import { load, save } from '@/lib/storage';
import { groupOf, versionOf, type LoraGroup } from './lora-names';

export const STRENGTH_MIN = -2;
export const STRENGTH_MAX = 2;
export const STRENGTH_STEP = 0.05;
export const STRENGTH_USUAL = 0.6;

interface PresetLora {
  name: string;
  strength?: number;
  size_mb?: number;
  installed?: boolean;
}
export interface LoraPreset {
  id: string;
  label: string;
  installed?: boolean;
  loras: PresetLora[];
}

const text = v.fallback(v.string(), '');
const Presets = v.object({
  presets: v.fallback(
    v.array(
      v.object({
        id: text,
        label: text,
        installed: v.fallback(v.optional(v.boolean()), undefined),
        loras: v.fallback(
          v.array(
            v.object({
              name: v.string(),
              strength: v.fallback(v.optional(v.number()), undefined),
              size_mb: v.fallback(v.optional(v.number()), undefined),
            }),
          ),
          [],
        ),
      }),
    ),
    [],
  ),
});

export const loraPresetsQuery = queryOptions({
  queryKey: ['lora', 'presets'],
  queryFn: async () => {
    const { presets } = v.parse(Presets, await call<unknown>('/api/lora/presets'));
    return presets.filter((p) => p.loras.length > 0);
  },
});

export function byGroup(presets: LoraPreset[]): { group: LoraGroup; presets: LoraPreset[] }[] {
  const groups: LoraGroup[] = ['identity', 'zjourney', 'realism', 'other'];
  return groups
    .map((group) => ({
      group,
      presets: presets
        .filter((p) => groupOf(p.loras[0]?.name ?? p.label) === group)
        .toSorted((a, b) => versionOf(a.label) - versionOf(b.label) || a.label.localeCompare(b.label)),
    }))
    .filter((g) => g.presets.length > 0);
}

export const usualStrength = (presets: LoraPreset[], name: string): number =>
  presets.flatMap((p) => p.loras).find((l) => l.name === name)?.strength ?? STRENGTH_USUAL;

/** Onto the grid of the slider, within its ends. */
export function strength(value: number): number {
  const bounded = Math.min(STRENGTH_MAX, Math.max(STRENGTH_MIN, value));
  return Math.round(bounded / STRENGTH_STEP) / Math.round(1 / STRENGTH_STEP);
}

// --- switched off --------------------------------------------------------------------------------

const Off = v.array(v.object({ name: v.string(), strength: v.number() }));

/** LoRAs that stay in the mixer but are not sent; kept for this browser. */
export const useOff = create<{ off: LoraUse[] }>()(() => ({ off: load('loras-off', Off) ?? [] }));

export function setOff(off: LoraUse[]): void {
  useOff.setState({ off });
  save('loras-off', off);
}

export function setLoras(loras: LoraUse[], group?: string): void {
  useDocument.getState().setSettings('lora', { loras }, group);
}

export function toggleUse(use: LoraUse, on: boolean): void {
  const { loras } = useDocument.getState().doc.settings;
  const { off } = useOff.getState();
  if (on) {
    setOff(off.filter((l) => l.name !== use.name));
    setLoras([...loras.filter((l) => l.name !== use.name), use]);
  } else {
    setLoras(loras.filter((l) => l.name !== use.name));
    setOff([...off.filter((l) => l.name !== use.name), use]);
  }
}

/** Adds all LoRAs of a preset, or takes them out when all are in. */
export function togglePreset(preset: LoraPreset): void {
  const { loras } = useDocument.getState().doc.settings;
  const has = (name: string) => loras.some((l) => l.name === name);
  const names = preset.loras.map((l) => l.name);
  setOff(useOff.getState().off.filter((l) => !names.includes(l.name)));
  if (names.every(has)) setLoras(loras.filter((l) => !names.includes(l.name)));
  else {
    const added = preset.loras.filter((l) => !has(l.name));
    setLoras([...loras, ...added.map((l) => ({ name: l.name, strength: l.strength ?? STRENGTH_USUAL }))]);
  }
}
