// What can be done with the selected pictures, and how many they are.
import { Columns2, Download, GalleryHorizontalEnd, Star, Tag, Trash2, X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { useT } from '@/i18n';
import { Button, IconButton } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Field, inputLook } from '@/ui/field';
import { Menu } from '@/ui/menu';
import type { Change } from './actions';
import { useTags } from './filter-panel';
import { usePacking } from './download';

export interface SelectionBarProps {
  count: number;
  total: number;
  isAllFavorite: boolean;
  onAll: () => void;
  onNone: () => void;
  onChange: (change: Change) => void;
  onCompare: () => void;
  onSortOut: () => void;
  onDownload: () => void;
  onTrash: () => void;
}

const COMPARED_MOST = 4;

export function SelectionBar(p: SelectionBarProps) {
  const t = useT();
  const [tagging, setTagging] = useState(false);
  const packing = usePacking((s) => s.now && t.library.packing(s.now.done, s.now.total));
  return (
    <div
      role="toolbar"
      aria-label={t.library.selection}
      data-testid="selection-bar"
      className="flex shrink-0 items-center gap-1 border-t border-line bg-surface px-4 py-2 max-tablet:flex-wrap max-tablet:px-2"
    >
      <IconButton label={t.library.selectNone} keys="Esc" onClick={p.onNone}>
        <X size={16} />
      </IconButton>
      <span data-testid="selection-count" className="num text-control font-medium whitespace-nowrap">
        {t.library.selected(p.count)}
      </span>
      <span className="mx-2 h-5 w-px bg-line max-tablet:hidden" aria-hidden />
      <IconButton
        label={p.isAllFavorite ? t.library.unfavorite : t.library.favorite}
        keys="F"
        onClick={() => p.onChange({ fav: !p.isAllFavorite })}
      >
        <Star size={16} fill={p.isAllFavorite ? 'currentColor' : 'none'} />
      </IconButton>
      <Menu
        trigger={
          <Button look="quiet" size="small">
            {t.library.rate}
          </Button>
        }
        items={[5, 4, 3, 2, 1, 0].map((rating) => ({
          label: rating === 0 ? t.library.noRating : t.library.stars(rating),
          keys: String(rating),
          run: () => p.onChange({ rating }),
        }))}
      />
      <IconButton label={t.library.tags} onClick={() => setTagging(true)}>
        <Tag size={16} />
      </IconButton>
      <IconButton
        label={t.library.compare}
        reason={(p.count < 2 || p.count > COMPARED_MOST) && t.library.compareCount}
        onClick={p.onCompare}
      >
        <Columns2 size={16} />
      </IconButton>
      <IconButton label={t.library.sortOut} data-testid="selection-cull" onClick={p.onSortOut}>
        <GalleryHorizontalEnd size={16} />
      </IconButton>
      <IconButton
        label={p.count > 1 ? t.library.downloadZip(p.count) : t.library.download}
        data-testid="selection-download"
        reason={packing}
        onClick={p.onDownload}
      >
        <Download size={16} />
      </IconButton>
      <IconButton label={t.library.toTrash} keys="Del" onClick={p.onTrash}>
        <Trash2 size={16} />
      </IconButton>
      {p.count < p.total && (
        <Button look="quiet" size="small" className="ms-2 max-tablet:ms-0" onClick={p.onAll}>
          {t.library.selectAll(p.total)}
        </Button>
      )}
      {tagging && <Tagging count={p.count} onClose={() => setTagging(false)} onChange={p.onChange} />}
    </div>
  );
}

function Tagging({ count, onClose, onChange }: { count: number; onClose: () => void; onChange: (change: Change) => void }) {
  const t = useT();
  const [text, setText] = useState('');
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []); // after the dialog has put it elsewhere
  const { data } = useTags(text.trim());
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const apply = (change: Change) => {
    if (names.length === 0) return;
    onChange(change);
    onClose();
  };
  return (
    <Dialog
      title={t.library.tags}
      onClose={onClose}
      footer={
        <>
          <Button onClick={() => apply({ remove_tags: names })}>{t.library.removeTag}</Button>
          <Button look="ink" onClick={() => apply({ add_tags: names })}>
            {t.library.addTag(count)}
          </Button>
        </>
      }
    >
      <Field label={t.library.tag} hint={t.library.tagsHint}>
        {({ id, describedBy }) => (
          <>
            <input
              ref={input}
              id={id}
              aria-describedby={describedBy}
              list={list}
              value={text}
              autoComplete="off"
              maxLength={400}
              onChange={(e) => setText(e.target.value)}
              onKeyDown={(e) => {
                if (e.key !== 'Enter') return;
                e.preventDefault();
                apply({ add_tags: names });
              }}
              className={`${inputLook} h-8 pointer-coarse:h-11`}
            />
            <datalist id={list}>
              {(data?.tags ?? []).map((tag) => (
                <option key={tag.name} value={tag.name}>
                  {tag.count}
                </option>
              ))}
            </datalist>
          </>
        )}
      </Field>
    </Dialog>
  );
}
