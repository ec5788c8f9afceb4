// One line of the sheet of keys: what it does, its keys, and the way to others.
import clsx from 'clsx';
import { Fragment, useState } from 'react';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { holder, isKept, type Row } from './key-groups';
import { chordOf, isLetter, shownKeys } from './key-map';
import { setPrefs, usePrefs } from './prefs';
import { usePrefWords } from './words';

export function putKeys(id: string, keys: string | null): void {
  const changes = { ...usePrefs.getState().keys };
  if (keys === null) delete changes[id];
  else changes[id] = keys;
  setPrefs({ keys: changes });
}

function Caps({ keys, isDim }: { keys: string; isDim: boolean }) {
  return (
    <span className={clsx('flex shrink-0 gap-1', isDim && 'line-through')}>
      {shownKeys(keys).map((key, i) => (
        <Fragment key={key}>
          {i > 0 && ' '}
          <kbd
            className={clsx(
              'num flex h-6 min-w-6 items-center justify-center rounded-control border border-line bg-sunken px-1.5 text-caption',
              isDim ? 'text-text-3' : 'text-text-2',
            )}
          >
            {key}
          </kbd>
        </Fragment>
      ))}
    </span>
  );
}

type Heard = { keys: string; by: Row | null; isKept: boolean } | null;

/** Listens to what is pressed on the button of the line. */
function Change({ row, heard, onDone }: { row: Row; heard: Heard; onDone: () => void }) {
  const t = usePrefWords();
  const names = useT().tools.commands;
  const changes = usePrefs((s) => s.keys);
  const put = (keys: string | null) => {
    putKeys(row.id, keys);
    onDone();
  };
  return (
    <div className="mb-2 flex flex-wrap items-center justify-between gap-2 rounded-control bg-sunken px-2 py-1.5">
      <p role="status" className={clsx('text-caption', heard ? 'text-bad' : 'text-text-2')}>
        {!heard ? t.keysPress : heard.isKept ? t.keysKept : heard.by ? t.keysTaken(names[heard.by.name]) : ''}
      </p>
      <span className="flex flex-wrap gap-1">
        {heard?.by && (
          <Button
            size="small"
            onClick={() => {
              if (heard.by) putKeys(heard.by.id, '');
              put(heard.keys);
            }}
          >
            {t.keysTake}
          </Button>
        )}
        {changes[row.id] !== '' && (
          <Button size="small" onClick={() => put('')}>
            {t.keysOffOne}
          </Button>
        )}
        {changes[row.id] !== undefined && (
          <Button size="small" onClick={() => put(null)}>
            {t.keysBack}
          </Button>
        )}
      </span>
    </div>
  );
}

export function KeyRow({ row, isOpen, onOpen }: { row: Row; isOpen: boolean; onOpen: (open: boolean) => void }) {
  const t = usePrefWords();
  const names = useT().tools.commands;
  const changes = usePrefs((s) => s.keys);
  const letters = usePrefs((s) => s.letterKeys);
  const [heard, setHeard] = useState<Heard>(null);
  const keys = changes[row.id] ?? row.keys;
  const name = names[row.name];
  const isOff = keys === '';
  const caps = <Caps keys={keys} isDim={!row.isFixed && !letters && isLetter(keys)} />;
  const open = (on: boolean) => {
    setHeard(null);
    onOpen(on);
  };
  const listen = (e: React.KeyboardEvent<HTMLButtonElement>) => {
    if (!isOpen) return;
    const pressed = chordOf(e.nativeEvent);
    // The way out, and the way on.
    if (pressed === null || pressed === 'tab' || pressed === 'shift+tab') return;
    e.preventDefault();
    e.stopPropagation();
    if (pressed === 'escape') return open(false);
    const by = holder(pressed, row, changes);
    const kept = isKept(pressed);
    if (kept || by) return setHeard({ keys: pressed, by, isKept: kept });
    putKeys(row.id, pressed === row.keys ? null : pressed);
    open(false);
  };
  return (
    <li className="border-t border-line">
      <div className="flex min-h-8 items-center justify-between gap-3 text-control pointer-coarse:min-h-11">
        <span className="text-text-2">{name}</span>
        {row.isFixed ? (
            caps
          ) : (
            <button
              type="button"
              data-testid={`keys-${row.id}`}
              aria-expanded={isOpen}
                onClick={() => open(!isOpen)}
              onKeyDown={listen}
              className={clsx(
                'relative flex min-h-7 min-w-7 items-center justify-end rounded-control hover:bg-sunken pointer-coarse:min-h-11 pointer-coarse:min-w-11',
                isOpen && 'bg-accent-soft',
              )}
            >
              <span className="sr-only">{name}: </span>
            {isOff ? <span className="px-1.5 text-caption text-text-3">{t.keysNone}</span> : caps}
            <span className="sr-only"> {t.keysChangeOne}</span>
            </button>
          )}
      </div>
      {isOpen && (
        <Change
          row={row}
          heard={heard}
          onDone={() => {
            open(false);
            document.querySelector<HTMLElement>(`[data-testid="keys-${row.id}"]`)?.focus();
          }}
        />
      )}
    </li>
  );
}
