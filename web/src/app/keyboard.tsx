// What works everywhere: keys, commands, files that are dropped or pasted.
import '@/import/early';
import { later } from '@/ui/later';
import { useKeys } from './use-keys';

const ImportLayer = later(() => import('@/import/layer').then((m) => m.ImportLayer));
const CommandPalette = later(() => import('./command-palette').then((m) => m.CommandPalette));
const KeysSheet = later(() => import('./keys-sheet').then((m) => m.KeysSheet));

export function KeyboardLayer() {
  useKeys();
  return (
    <>
      <CommandPalette />
      <KeysSheet />
      <ImportLayer />
    </>
  );
}
