// Ids without crypto.randomUUID, which exists only in secure contexts (D41).
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

export const SEED_MAX = 2 ** 32 - 1;

export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
