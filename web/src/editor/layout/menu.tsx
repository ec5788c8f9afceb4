// What can be done to the selected boxes, as a menu.
import { ArrowDown, ArrowUp, ClipboardPaste, Copy, CopyPlus, Lock, LockOpen, PenLine, Scissors, SquareDashed, Trash2 } from 'lucide-react';
import { useT } from '@/i18n';
import type { MenuItem } from '@/ui/menu';
import * as act from './actions';
import { setCanvas, toggleLocked, useCanvas } from './state';

const SIZE = 14;

export function useBoxMenu(): (selection: number[]) => (MenuItem | null)[] {
  const t = useT();
  const locked = useCanvas((s) => s.locked);
  return (selection) => {
    const l = t.layout;
    const [first] = selection;
    const paste: MenuItem = {
      label: l.paste,
      icon: <ClipboardPaste size={SIZE} />,
      keys: 'Ctrl+V',
      disabled: !act.canPaste() || act.isReadOnly(),
      run: act.paste,
    };
    if (first === undefined) {
      return [
        { label: l.addObject, icon: <SquareDashed size={SIZE} />, run: () => void act.add('obj', [290, 290, 710, 710]) },
        { label: l.addText, icon: <PenLine size={SIZE} />, run: () => void act.add('text', [290, 290, 710, 710]) },
        paste,
      ];
    }
    const isLocked = locked.includes(first);
    return [
      { label: l.edit, icon: <PenLine size={SIZE} />, keys: 'Enter', disabled: act.isReadOnly(), run: () => setCanvas({ editing: first }) },
      { label: l.duplicate, icon: <CopyPlus size={SIZE} />, keys: 'Ctrl+D', run: () => act.duplicate(selection) },
      { label: l.copy, icon: <Copy size={SIZE} />, keys: 'Ctrl+C', run: () => act.copy(selection) },
      { label: l.cut, icon: <Scissors size={SIZE} />, keys: 'Ctrl+X', run: () => act.cut(selection) },
      paste,
      null,
      { label: l.toFront, icon: <ArrowDown size={SIZE} />, keys: ']', run: () => act.moveTo(first, first + 1) },
      { label: l.toBack, icon: <ArrowUp size={SIZE} />, keys: '[', run: () => act.moveTo(first, first - 1) },
      {
        label: isLocked ? l.unlock : l.lock,
        icon: isLocked ? <LockOpen size={SIZE} /> : <Lock size={SIZE} />,
        keys: 'L',
        run: () => selection.forEach(toggleLocked),
      },
      { label: l.clear, icon: <SquareDashed size={SIZE} />, run: () => act.unplace(first) },
      null,
      { label: t.ui.delete, icon: <Trash2 size={SIZE} />, keys: 'Del', isBad: true, run: () => act.remove(selection) },
    ];
  };
}
