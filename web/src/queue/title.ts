// The title and the icon of the tab while a picture is drawn: both say how far it is, both are put
// back. Pages may set their title meanwhile; it is the one that is put back then.
const SIZE = 64;
const RADIUS = 24;

interface Held {
  base: string; // the page's own title
  ours: string;
  watch: MutationObserver;
}
let held: Held | null = null;

/** As document.title gives it back, or setting it would never end. */
export function runningTitle(percent: number, label: string): string {
  return `(${percent}%) ${label}`.replace(/\s+/g, ' ').trim();
}

function release(): void {
  if (!held) return;
  held.watch.disconnect();
  if (document.title === held.ours) document.title = held.base;
  held = null;
}

/** null: nothing runs. */
export function setTitle(title: string | null): void {
  if (title === null) {
    release();
    return;
  }
  if (!held) {
    const watch = new MutationObserver(() => {
      if (!held || document.title === held.ours) return;
      held.base = document.title;
      document.title = held.ours;
    });
    const element = document.querySelector('title') ?? document.head;
    held = { base: document.title, ours: title, watch };
    watch.observe(element, { childList: true, characterData: true, subtree: true });
  }
  held.ours = title;
  document.title = title;
}

let icon: { link: HTMLLinkElement; href: string; type: string; percent: number } | null = null;

function ring(percent: number): string | null {
  const canvas = document.createElement('canvas');
  canvas.width = SIZE;
  canvas.height = SIZE;
  const c = canvas.getContext('2d');
  if (!c) return null;
  const arc = (from: number, to: number, color: string) => {
    c.beginPath();
    c.strokeStyle = color;
    c.lineWidth = 12;
    c.arc(SIZE / 2, SIZE / 2, RADIUS, from, to);
    c.stroke();
  };
  const top = -Math.PI / 2;
  arc(0, 2 * Math.PI, '#9a9a97');
  arc(top, top + (2 * Math.PI * percent) / 100, '#2f6fe4');
  return canvas.toDataURL('image/png');
}

export function setIcon(percent: number | null): void {
  if (percent === null) {
    if (!icon) return;
    icon.link.type = icon.type;
    icon.link.href = icon.href;
    icon = null;
    return;
  }
  const link = icon?.link ?? document.querySelector<HTMLLinkElement>('link[rel~="icon"]');
  if (!link || icon?.percent === percent) return;
  const drawn = ring(percent);
  if (!drawn) return;
  icon = { link, href: icon?.href ?? link.getAttribute('href') ?? '', type: icon?.type ?? link.type, percent };
  link.type = 'image/png';
  link.href = drawn;
}
