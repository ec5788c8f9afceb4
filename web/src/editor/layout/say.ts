// Movements are said when they pause, at most once in half a second.
import { announce } from '@/app/ui-state';

const PAUSE_MS = 500;
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => announce(text), PAUSE_MS);
}
