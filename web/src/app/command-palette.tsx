// All commands by name: type a part of it, choose with the arrows.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import clsx from 'clsx';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { useT } from '@/i18n';
import { Dialog } from '@/ui/dialog';
import { inputLook } from '@/ui/field';
import { commands, type Command } from './commands';
import { PAGE_KEYS, useShownKeys } from './key-map';
import { matches } from './match';
import { setUi, useUi } from './ui-state';

const close = () => setUi({ palette: false });

function Keys({ name }: { name: string }) {
  const keys = useShownKeys(Object.hasOwn(PAGE_KEYS, name) ? name : undefined);
  return keys ? <kbd className="num text-caption text-text-3">{keys}</kbd> : null;
}

function List({ shown, at, listId, names, choose }: {
  shown: Command[];
  at: number;
  listId: string;
  names: Record<string, string>;
  choose: (command: Command) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return (
    <div ref={list} id={listId} role="listbox" className="scroll-thin max-h-[50dvh] overflow-y-auto">
      {shown.map((command, i) => (
        // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the field above has the keys
        <div
          key={command.name}
          id={`${listId}-${i}`}
          role="option"
          aria-selected={i === at}
          tabIndex={-1}
          onClick={() => choose(command)}
          className={clsx(
            'flex min-h-8 cursor-pointer items-center justify-between gap-3 rounded-control px-2 text-control pointer-coarse:min-h-11',
            i === at ? 'bg-accent-soft text-accent' : 'hover:bg-sunken',
          )}
        >
          <span>{names[command.name]}</span>
          <Keys name={command.name} />
        </div>
      ))}
    </div>
  );
}

function Open() {
  const t = useT();
  const client = useQueryClient();
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const id = useId();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const inEditor = path === '/' || path.startsWith('/history/');
  const all = useMemo(() => commands({ client, navigate, inEditor }), [client, inEditor, navigate]);
  const names: Record<string, string> = t.tools.commands;
  const shown = all.filter((c) => matches(names[c.name] ?? '', typed));
  const choose = (command: Command | undefined) => {
    if (!command) return;
    close();
    // After the dialog gave the focus back, so that the command may move it.
    setTimeout(command.run, 0);
  };
  const move = (by: number) => setAt((now) => (shown.length === 0 ? 0 : (now + by + shown.length) % shown.length));
  return (
    <Dialog top title={t.app.palette} onClose={close} data-testid="palette">
      <div className="flex flex-col gap-2 pt-1">
        <input
          role="combobox"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={shown.length > 0 ? `${id}-${at}` : undefined}
          aria-label={t.tools.commandHint}
          placeholder={t.tools.commandHint}
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(e) => {
            setTyped(e.target.value);
            setAt(0);
          }}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown') move(1);
            else if (e.key === 'ArrowUp') move(-1);
            else if (e.key === 'Home') setAt(0);
            else if (e.key === 'End') setAt(Math.max(0, shown.length - 1));
            else if (e.key === 'Enter') choose(shown[at]);
            else return;
            e.preventDefault();
            e.stopPropagation();
          }}
          className={clsx(inputLook, 'h-10 text-body! pointer-coarse:h-11')}
        />
        {shown.length > 0 ? (
          <List shown={shown} at={at} listId={id} names={names} choose={choose} />
        ) : (
          <p role="status" className="px-2 py-3 text-control text-text-2">
            {t.tools.noCommand(typed)}
          </p>
        )}
      </div>
    </Dialog>
  );
}

export function CommandPalette() {
  const isOpen = useUi((s) => s.palette);
  return isOpen ? <Open /> : null;
}
