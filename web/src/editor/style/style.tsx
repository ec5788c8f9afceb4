// The style block: mood, light, medium, and a look that is either a camera or an art style.
import { Trash2 } from 'lucide-react';
import { MEDIA, PALETTE_MAX, STYLE, put } from '@/document/caption';
import { useCaption, useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { PartsButton } from '@/parts/parts-button';
import { IconButton } from '@/ui/button';
import { SelectField, TextArea, TextField } from '@/ui/field';
import { Segmented } from '@/ui/segmented';
import { LintMark } from '../lint/mark';
import { PaletteField } from '../palette/palette-field';
import { Section } from '../section';
import { putKind, putMedium, putPalette, putStyle } from './edits';
import { ART_LOOKS, PHOTO_LOOKS, lookKey, lookPhrase, type Kind } from './looks';

function Medium() {
  const t = useT().editor;
  const { medium } = useCaption();
  const edit = useDocument((s) => s.edit);
  const isKnown = medium === '' || (MEDIA as readonly string[]).includes(medium);
  return (
    <SelectField
      className="col-span-full"
      label={t.medium}
      aside={<LintMark path={[...STYLE, 'medium']} />}
      data-testid="field-med"
      value={medium}
      onChange={(e) => edit('medium', putMedium(e.target.value))}
    >
      <option value="">{t.mediumUnset}</option>
      {MEDIA.map((m) => (
        <option key={m} value={m}>
          {t.media[m]}
        </option>
      ))}
      {!isKnown && <option value={medium}>{t.mediumOther(medium)}</option>}
    </SelectField>
  );
}

function Look({ kind }: { kind: Kind }) {
  const t = useT().editor;
  const { look } = useCaption();
  const edit = useDocument((s) => s.edit);
  const names: Record<string, string> = kind === 'photo' ? t.photoLooks : t.artLooks;
  const keys = Object.keys(kind === 'photo' ? PHOTO_LOOKS : ART_LOOKS);
  return (
    <div className="col-span-full flex flex-col gap-1.5">
      <div className="flex items-center gap-2">
        <Segmented
          label={t.kind}
          className="min-w-0 flex-1"
          value={kind}
          choices={[
            { value: 'photo', label: t.kinds.photo, testId: 'kind-photo' },
            { value: 'art_style', label: t.kinds.art_style, testId: 'kind-art' },
          ]}
          onChange={(value: Kind) => edit('kind', putKind(value))}
        />
        <LintMark path={[...STYLE, kind]} />
        <select
          aria-label={t.ready}
          data-testid="look-ready"
          className="h-8 w-36 min-w-0 rounded-control bg-transparent px-1 text-control text-text-2 hover:bg-sunken hover:text-text pointer-coarse:h-11"
          value={lookKey(kind, look) ?? ''}
          onChange={(e) => e.target.value && edit('look', putKind(kind, lookPhrase(kind, e.target.value)))}
        >
          <option value="">{look.trim() === '' ? t.ready : t.ownWords}</option>
          {keys.map((key) => (
            <option key={key} value={key}>
              {names[key]}
            </option>
          ))}
        </select>
      </div>
      <TextArea
        label={kind === 'photo' ? t.camera : t.artStyle}
        hideLabel
        placeholder={kind === 'photo' ? t.cameraExample : t.artStyleExample}
        data-testid="field-cam"
        rows={1}
        inputClassName="min-h-8! pointer-coarse:min-h-11!"
        value={look}
        onChange={(e) => edit('look', putKind(kind, e.target.value), 'cam')}
      />
    </div>
  );
}

export function Style() {
  const t = useT().editor;
  const c = useCaption();
  const edit = useDocument((s) => s.edit);
  return (
    <Section
      title={t.style}
      aside={
        <>
          <LintMark path={STYLE} />
          <PartsButton kind="style" />
          {c.hasStyle && (
            <IconButton size="small" label={t.removeStyle} onClick={() => {
                edit('style', put(STYLE, undefined));
                document.querySelector<HTMLElement>('[data-testid="field-aes"]')?.focus();
              }}>
              <Trash2 size={14} />
            </IconButton>
          )}
        </>
      }
    >
      <div className="grid grid-cols-2 gap-x-3 gap-y-3">
        <TextField
          label={t.aesthetics}
          aside={<LintMark path={[...STYLE, 'aesthetics']} />}
          placeholder={t.aestheticsExample}
          data-testid="field-aes"
          value={c.aesthetics}
          onChange={(e) => edit('aesthetics', putStyle('aesthetics', e.target.value), 'aes')}
        />
        <TextField
          label={t.lighting}
          aside={<LintMark path={[...STYLE, 'lighting']} />}
          placeholder={t.lightingExample}
          data-testid="field-light"
          value={c.lighting}
          onChange={(e) => edit('lighting', putStyle('lighting', e.target.value), 'light')}
        />
        <Medium />
        <Look kind={c.lookKind} />
        <PaletteField
          className="col-span-full"
          colours={c.palette}
          most={PALETTE_MAX}
          path={[...STYLE, 'color_palette']}
          onChange={(colours) => edit('palette', putPalette(colours))}
        />
      </div>
    </Section>
  );
}
