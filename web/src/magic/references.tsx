// Pictures that Magic Prompt looks at: picked, dropped or pasted.
import { ImagePlus, X } from 'lucide-react';
import { useRef } from 'react';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { addPictures, removePicture, useQuick } from './quick-state';
import { PICTURES_MAX } from './pictures';

export function References({ isLocked }: { isLocked: boolean }) {
  const t = useT().magic;
  const pictures = useQuick((s) => s.pictures);
  const refused = useQuick((s) => s.refused);
  const input = useRef<HTMLInputElement>(null);
  const add = useRef<HTMLButtonElement>(null);
  return (
    <div className="flex flex-col gap-1.5">
      <ul aria-label={t.references} className="flex flex-wrap items-center gap-2">
        {pictures.map((p, i) => (
          <li key={p.id} className="relative h-14 w-20 overflow-hidden rounded-thumb border border-line">
            <img src={p.url} alt={t.referenceName(i + 1, p.name)} className="size-full object-cover" />
            <IconButton
              look="plain"
              size="small"
              className="absolute top-0.5 end-0.5 size-6! pointer-coarse:size-8! pointer-coarse:min-w-0!"
              label={t.removeReference(i + 1)}
              disabled={isLocked}
              onClick={() => {
                removePicture(p.id);
                add.current?.focus();
              }}
            >
              <X size={12} />
            </IconButton>
          </li>
        ))}
        <li className="flex items-center gap-2">
          <button
            ref={add}
            type="button"
            disabled={isLocked || pictures.length >= PICTURES_MAX}
            onClick={() => input.current?.click()}
            className="flex h-8 items-center gap-1.5 rounded-control border border-dashed border-line-strong px-2.5 text-control text-text-2 hover:bg-sunken hover:text-text disabled:opacity-50 pointer-coarse:h-11"
          >
            <ImagePlus size={14} aria-hidden />
            {t.addReferences}
          </button>
          {pictures.length === 0 && <span className="text-caption text-text-3">{t.referencesHint(PICTURES_MAX)}</span>}
        </li>
      </ul>
      <input
        ref={input}
        type="file"
        multiple
        accept="image/png,image/jpeg,image/webp"
        tabIndex={-1}
        aria-hidden
        data-testid="quick-refs-input"
        className="hidden"
        onChange={(e) => {
          const files = [...(e.target.files ?? [])];
          e.target.value = '';
          void addPictures(files);
        }}
      />
      {refused && (
        <p role="alert" className="text-caption text-bad">
          {refused}
        </p>
      )}
    </div>
  );
}
