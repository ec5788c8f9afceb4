import type { CSSProperties } from 'react';
import { UNITS, type Box } from '@/document/caption';

const percent = (units: number) => `${(units * 100) / UNITS}%`;

/** A box as a place in the picture, at any size of it. */
export function styleOf([top, left, bottom, right]: Box): CSSProperties {
  return { top: percent(top), left: percent(left), width: percent(right - left), height: percent(bottom - top) };
}

export const along = percent;
