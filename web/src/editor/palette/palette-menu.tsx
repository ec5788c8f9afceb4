// What else can be done with colours: take them from a picture or the screen, copy, remove all.
import { Bookmark, Contrast, Copy, Ellipsis, Image, Palette, Pipette, Trash2 } from 'lucide-react';
import { useRef } from 'react';
import { toColour } from '@/document/colours';
import { FileInput } from '@/ui/file-input';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { IconButton } from '@/ui/button';
import { Menu, type MenuItem } from '@/ui/menu';
import type { PaletteTab } from './sheet';
import { usePaletteWords } from './words';

interface ScreenPicker {
  open(): Promise<{ sRGBHex: string }>;
}

function screenPicker(): ScreenPicker | null {
  const Picker = (window as unknown as { EyeDropper?: new () => ScreenPicker }).EyeDropper;
  return Picker ? new Picker() : null;
}

export interface PaletteMenuProps {
  colours: string[];
  onAdd: (colour: string) => void;
  onPicture: (file: Blob) => void;
  onClear: () => void;
  onOpen: (tab: PaletteTab) => void;
}

export function PaletteMenu({ colours, onAdd, onPicture, onClear, onOpen }: PaletteMenuProps) {
  const t = useT().editor;
  const p = usePaletteWords();
  const file = useRef<HTMLInputElement>(null);
  const fromScreen = () => {
    screenPicker()
      ?.open()
      .then(
        ({ sRGBHex }) => onAdd(toColour(sRGBHex) ?? sRGBHex),
        () => {}, // given up with Esc
      );
  };
  const items: (MenuItem | null)[] = [
    { label: t.fromPicture, icon: <Image size={14} />, run: () => file.current?.click() },
    ...('EyeDropper' in window ? [{ label: t.fromScreen, icon: <Pipette size={14} />, run: fromScreen }] : []),
    null,
    { label: p.openHarmony, icon: <Palette size={14} />, run: () => onOpen('harmony') },
    { label: p.openContrast, icon: <Contrast size={14} />, run: () => onOpen('contrast') },
    { label: p.openSaved, icon: <Bookmark size={14} />, run: () => onOpen('saved') },
    ...(colours.length > 0
      ? [
          null,
          { label: t.copyColours, icon: <Copy size={14} />, run: () => void copyText(colours.join(', ')) },
          { label: t.clearColours, icon: <Trash2 size={14} />, run: onClear },
        ]
      : []),
  ];
  return (
    <>
      <Menu
        trigger={
          <IconButton size="small" label={t.paletteMore} className="h-6! pointer-coarse:h-11!">
            <Ellipsis size={14} />
          </IconButton>
        }
        items={items}
      />
      <FileInput ref={file} accept="image/*" testId="palette-picture" onPick={onPicture} />
    </>
  );
}
