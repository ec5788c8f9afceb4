// Copying, also where the clipboard of secure contexts is absent (plain HTTP from another device).
import { words } from '@/i18n';
import { toast } from '@/ui/toasts';

function copyTheOldWay(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

export async function copyText(text: string): Promise<void> {
  const done = navigator.clipboard
    ? await navigator.clipboard.writeText(text).then(
        () => true,
        () => copyTheOldWay(text),
      )
    : copyTheOldWay(text);
  const t = words().ui;
  toast(done ? { kind: 'ok', text: t.copied, group: 'copy' } : { kind: 'bad', text: t.copyFailed, group: 'copy' });
}
