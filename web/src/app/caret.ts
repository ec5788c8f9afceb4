// The caret after undo in a text field: where the text changed, not at its end.
type TextInput = HTMLInputElement | HTMLTextAreaElement;

const textInput = (target: EventTarget | null): TextInput | null =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.selectionStart !== null)
    ? target
    : null;

/** End of what differs between two texts, in the second. */
export function changeEnd(before: string, after: string): number {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return after.length - end;
}

export function keepCaret(target: EventTarget | null, change: () => void): void {
  const field = textInput(target);
  const before = field?.value ?? '';
  change();
  if (!field) return;
  requestAnimationFrame(() => {
    if (field.value === before || document.activeElement !== field) return;
    const at = changeEnd(before, field.value);
    field.setSelectionRange(at, at);
  });
}
