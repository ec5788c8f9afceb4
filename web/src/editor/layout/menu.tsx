// What can be done to the selected boxes, as a menu.
import { ArrowDown, ArrowUp, ClipboardPaste, Copy, CopyPlus, Lock, LockOpen, PenLine, Scissors, SquareDashed, Trash2 } from 'lucide-react';
import { useT } from '@/i18n';
import type { MenuItem } from '@/ui/menu';
import * as act from './actions';
import { boxAt, type Point } from './geometry';
import { setCanvas, toggleLocked, useCanvas } from './state';

const SIZE = 14;

export function useBoxMenu(): (selection: number[], at: Point) => (MenuItem | null)[] {
  const t = useT();
  const locked = useCanvas((s) => s.locked);
  return (selection, at) => {
    const l = t.layout;
    const [first] = selection;
    const disabled = act.isReadOnly();
    const paste: MenuItem = {
      label: l.paste,
      icon: <ClipboardPaste size={SIZE} />,
      keys: 'Ctrl+V',
      disabled: disabled || !act.canPaste(),
      run: act.paste,
    };
    if (first === undefined) {
      return [
        { label: l.addObject, icon: <SquareDashed size={SIZE} />, disabled, run: () => void act.add('obj', boxAt(at)) },
        { label: l.addText, icon: <PenLine size={SIZE} />, disabled, run: () => void act.add('text', boxAt(at)) },
        paste,
      ];
    }
    const isLocked = locked.includes(first);
    return [
      { label: l.edit, icon: <PenLine size={SIZE} />, keys: 'Enter', disabled, run: () => setCanvas({ editing: first }) },
      { label: l.duplicate, icon: <CopyPlus size={SIZE} />, keys: 'Ctrl+D', disabled, run: () => act.duplicate(selection) },
      { label: l.copy, icon: <Copy size={SIZE} />, keys: 'Ctrl+C', run: () => act.copy(selection) },
      { label: l.cut, icon: <Scissors size={SIZE} />, keys: 'Ctrl+X', disabled, run: () => act.cut(selection) },
      paste,
      null,
      { label: l.toFront, icon: <ArrowDown size={SIZE} />, keys: ']', disabled, run: () => act.moveTo(first, first + 1) },
      { label: l.toBack, icon: <ArrowUp size={SIZE} />, keys: '[', disabled, run: () => act.moveTo(first, first - 1) },
      {
        label: isLocked ? l.unlock : l.lock,
        icon: isLocked ? <LockOpen size={SIZE} /> : <Lock size={SIZE} />,
        keys: 'L',
        run: () => selection.forEach(toggleLocked),
      },
      { label: l.clear, icon: <SquareDashed size={SIZE} />, disabled, run: () => act.unplace(first) },
      null,
      { label: t.ui.delete, icon: <Trash2 size={SIZE} />, keys: 'Del', isBad: true, disabled, run: () => act.remove(selection) },
    ];
  };
}
