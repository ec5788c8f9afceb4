// Two captions held against each other, key by key: what is only here, only there, or other.

export interface DiffRow {
  path: string; // "compositional_deconstruction.elements[0].desc"
  left: string | null; // null: absent
  right: string | null;
}

export interface CaptionDiff {
  rows: DiffRow[];
  equal: number; // values that are the same
}

/** Lists of plain values (boxes, palettes) are one value. */
const isPlainList = (value: unknown): boolean => Array.isArray(value) && value.every((x) => typeof x !== 'object' || x === null);

function leaves(value: unknown, path: string, into: Map<string, string>): void {
  if (Array.isArray(value) && !isPlainList(value)) {
    for (const [i, one] of value.entries()) leaves(one, `${path}[${i}]`, into);
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, one] of Object.entries(value)) leaves(one, path === '' ? key : `${path}.${key}`, into);
  } else {
    into.set(path, Array.isArray(value) ? value.map(String).join(', ') : typeof value === 'string' ? value : JSON.stringify(value));
  }
}

export function diffCaptions(left: unknown, right: unknown): CaptionDiff {
  const [a, b] = [new Map<string, string>(), new Map<string, string>()];
  leaves(left, '', a);
  leaves(right, '', b);
  const paths = [...a.keys(), ...[...b.keys()].filter((path) => !a.has(path))];
  const rows = paths
    .map((path) => ({ path, left: a.get(path) ?? null, right: b.get(path) ?? null }))
    .filter((row) => row.left !== row.right);
  return { rows, equal: paths.length - rows.length };
}
