// What else can be done with colours: take them from a picture or the screen, copy, remove all.
import { Copy, Ellipsis, Image, Pipette, Trash2 } from 'lucide-react';
import { useRef } from 'react';
import { toColour } from '@/document/colours';
import { useT } from '@/i18n';
import { copyText } from '@/lib/clipboard';
import { IconButton } from '@/ui/button';
import { Menu, type MenuItem } from '@/ui/menu';

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
}

export function PaletteMenu({ colours, onAdd, onPicture, onClear }: PaletteMenuProps) {
  const t = useT().editor;
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
          <IconButton size="small" label={t.paletteMore} className="h-6!">
            <Ellipsis size={14} />
          </IconButton>
        }
        items={items}
      />
      <input
        ref={file}
        type="file"
        accept="image/*"
        tabIndex={-1}
        aria-hidden
        data-testid="palette-picture"
        className="hidden"
        onChange={(e) => {
          const picked = e.target.files?.[0];
          e.target.value = '';
          if (picked) onPicture(picked);
        }}
      />
    </>
  );
}
