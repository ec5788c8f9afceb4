// A file dropped before the part that reads files is there: it waits, and the browser does not open
// it in place of the page.
let kept: File | null = null;

const hold = (e: DragEvent): void => {
  if (e.defaultPrevented || !e.dataTransfer?.types.includes('Files')) return;
  e.preventDefault();
  if (e.type === 'drop') kept = e.dataTransfer.files[0] ?? null;
};

for (const name of ['dragover', 'drop'] as const) window.addEventListener(name, hold);

/** From now on somebody else looks after files; what was dropped so far. */
export function takeEarly(): File | null {
  for (const name of ['dragover', 'drop'] as const) window.removeEventListener(name, hold);
  const file = kept;
  kept = null;
  return file;
}
