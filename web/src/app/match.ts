// Whether a name fits what was typed: every word begins a word of it, case and accents aside.
const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();

export function matches(name: string, typed: string): boolean {
  const parts = plain(name).split(/[\s/-]+/);
  return plain(typed)
    .split(/\s+/)
    .filter((word) => word !== '')
    .every((word) => parts.some((part) => part.startsWith(word)) || (word.length > 2 && plain(name).includes(word)));
}
