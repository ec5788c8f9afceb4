// What an entry of the history is called, and how its caption differs from another's.
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Entry } from '@/api/types';
import { dateTime, serverDate, shorten } from '@/lib/format';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { diffCaptions, type DiffRow } from './caption-diff';
import { captionOf } from './entries';
import { NAME_MOST, note, useNotes } from './entry-notes';

const OTHERS_MOST = 300;

export function RenameDialog({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const t = useT();
  const before = useNotes((s) => s.list.find((one) => one.id === entry.id)?.name);
  const [name, setName] = useState(before ?? shorten(entry.hld, NAME_MOST));
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.select(), []); // after the dialog has put the focus elsewhere
  return (
    <Dialog title={t.library.rename} onClose={onClose}>
      <form
        ref={form}
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          note(entry.id, { name: name.trim() || undefined });
          onClose();
        }}
      >
        <TextField
          label={t.library.name}
          hint={t.library.renameHint}
          data-testid="entry-name"
          maxLength={NAME_MOST}
          value={name}
          onChange={(e) => setName(e.target.value)}
        />
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{t.ui.cancel}</Button>
          <Button look="ink" type="submit">
            {t.ui.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export interface CaptionDiffProps {
  entry: Entry;
  others: Entry[];
  current: number | null; // the one that is open
  onClose: () => void;
}

export function CaptionDiffDialog({ entry, others, current, onClose }: CaptionDiffProps) {
  const t = useT();
  const notes = useNotes((s) => s.list);
  const names = useMemo(() => new Map(notes.map((one) => [one.id, one.name])), [notes]);
  const list = useMemo(() => [...new Map(others.map((one) => [one.id, one])).values()].slice(0, OTHERS_MOST), [others]);
  const [id, setId] = useState(() => (list.find((one) => one.id === current) ?? list.find((one) => one.id < entry.id) ?? list[0])?.id);
  const other = list.find((one) => one.id === id);
  const name = (one: Entry) =>
    `${names.get(one.id) ?? (shorten(one.hld, 60) || t.library.entryWithoutWords)} · ${dateTime(serverDate(one.saved_at))}`;
  return (
    <Dialog title={t.library.diff.title} onClose={onClose} wide data-testid="caption-diff">
      {other ? (
        <div className="flex flex-col gap-4">
          <SelectField label={t.library.diff.other} value={String(other.id)} onChange={(e) => setId(Number(e.target.value))}>
            {list.map((one) => (
              <option key={one.id} value={one.id}>
                {name(one)}
              </option>
            ))}
          </SelectField>
          <Differences left={entry} right={other} leftName={name(entry)} rightName={name(other)} />
        </div>
      ) : (
        <p className="text-text-2">{t.library.diff.alone}</p>
      )}
    </Dialog>
  );
}

function Differences({ left, right, leftName, rightName }: { left: Entry; right: Entry; leftName: string; rightName: string }) {
  const t = useT().library.diff;
  const diff = useMemo(() => {
    const [a, b] = [captionOf(left.form_json), captionOf(right.form_json)];
    return a === undefined || b === undefined ? null : diffCaptions(a, b);
  }, [left, right]);
  if (!diff) return <p className="text-bad">{t.unreadable}</p>;
  if (diff.rows.length === 0) return <p className="text-text-2">{t.same}</p>;
  return (
    <>
      <table data-testid="caption-diff-table" className="w-full table-fixed border-collapse text-start text-control max-tablet:block">
        <caption className="pb-2 text-start tabular-nums text-caption text-text-2 max-tablet:block">
          {t.count(diff.rows.length)}, {t.equal(diff.equal)}
        </caption>
        <thead className="max-tablet:sr-only">
          <tr className="border-b border-line-strong text-caption text-text-2">
            <th scope="col" className="w-1/4 py-1.5 pe-3 text-start font-medium">
              {t.what}
            </th>
            {[leftName, rightName].map((name, i) => (
              // oxlint-disable-next-line react/no-array-index-key -- two sides, which may have one name
              <th key={i} scope="col" className="truncate py-1.5 pe-3 text-start font-medium" title={name}>
                <Letter side={i === 0 ? 'left' : 'right'} /> {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="max-tablet:block">
          {diff.rows.map((row) => (
            <tr key={row.path} data-row={row.path} className="border-b border-line align-top last:border-0 max-tablet:flex max-tablet:flex-col max-tablet:py-2">
              <th scope="row" className="num py-2 pe-3 text-start text-caption font-normal break-words text-text-2 max-tablet:py-0.5">
                {row.path}
              </th>
              <Value row={row} side="left" />
              <Value row={row} side="right" />
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Letter({ side }: { side: 'left' | 'right' }) {
  return <span className="num text-text-3">{side === 'left' ? 'A' : 'B'}</span>;
}

function Value({ row, side }: { row: DiffRow; side: 'left' | 'right' }) {
  const t = useT().library.diff;
  const value = row[side];
  return (
    <td className="py-2 pe-3 break-words whitespace-pre-wrap max-tablet:py-0.5">
      <span className="pe-2 tablet:hidden">
        <Letter side={side} />
      </span>
      {value === null ? <span className="text-text-3 italic">{t.nothing}</span> : value === '' ? '“”' : value}
    </td>
  );
}
