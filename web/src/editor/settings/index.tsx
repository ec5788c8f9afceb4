// The settings of the document: a compact block that stays visible below every mode.
import clsx from 'clsx';
import { ChevronDown } from 'lucide-react';
import { useId, useState } from 'react';
import * as v from 'valibot';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { number } from '@/lib/format';
import { load, save } from '@/lib/storage';
import { Button } from '@/ui/button';
import { FormatField, PresetField } from './choices';
import { LoraMixer, LoraProgress, useLoraPresets } from './lora-mixer';
import { friendly } from './lora-names';
import { SeedField } from './seed-field';
import { RatioChips, SizeDetails, SizeSummary } from './size-group';

const ROOM = '(min-width: 768px) and (min-height: 700px)';

function LoraField({ isOpen, toggle, controls }: { isOpen: boolean; toggle: () => void; controls: string }) {
  const t = useT().lora;
  const loras = useDocument((s) => s.doc.settings.loras);
  const mix = loras.length === 0 ? t.none : loras.map((l) => `${friendly(l.name)} ${number(l.strength, 2)}`).join(' + ');
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <span className="text-caption font-medium text-text-2" aria-hidden>
        {t.title}
      </span>
      <Button
        aria-expanded={isOpen}
        aria-controls={controls}
        aria-label={`${t.open}: ${mix}`}
        title={mix}
        data-testid="lora-open"
        onClick={toggle}
        className="min-w-0 justify-between! border-line-strong! font-normal!"
      >
        <span className={clsx('truncate', loras.length === 0 && 'text-text-2')}>{mix}</span>
        <ChevronDown size={14} aria-hidden className={clsx('shrink-0 transition-transform', isOpen && 'rotate-180')} />
      </Button>
    </div>
  );
}

export function Settings() {
  const t = useT().settings;
  const id = useId();
  const [isOpen, setOpen] = useState(() => load('settings-open', v.boolean()) ?? window.matchMedia(ROOM).matches);
  const [isMixing, setMixing] = useState(false);
  const { isShown: hasLoras } = useLoraPresets();
  const toggle = () => {
    setOpen(!isOpen);
    save('settings-open', !isOpen);
  };
  return (
    <section aria-label={t.title} className="scroll-thin @container flex max-h-[50dvh] flex-col gap-1.5 overflow-y-auto px-4 pt-1.5 pb-2">
      <button
        type="button"
        aria-expanded={isOpen}
        aria-controls={id}
        title={isOpen ? t.less : t.more}
        data-testid="settings-toggle"
        onClick={toggle}
        className="-mx-1 flex h-6 items-center justify-between gap-2 rounded-control px-1 hover:bg-sunken pointer-coarse:h-11"
      >
        <span className="flex items-baseline gap-2">
          <span className="text-caption font-medium text-text-2">{t.size}</span>
          <SizeSummary withPreset={!isOpen} />
        </span>
        <ChevronDown size={14} aria-hidden className={clsx('text-text-3 transition-transform', isOpen && 'rotate-180')} />
      </button>
      <RatioChips />
      <div id={id} hidden={!isOpen} className="flex flex-col gap-2">
        <SizeDetails />
        <div className="grid grid-cols-6 gap-2 *:col-span-3 @min-[36rem]:grid-cols-12">
          <PresetField />
          <FormatField />
          <div className={hasLoras ? 'col-span-4!' : 'col-span-6!'}>
            <SeedField />
          </div>
          {hasLoras && (
            <div className="col-span-2!">
              <LoraField isOpen={isMixing} toggle={() => setMixing(!isMixing)} controls={`${id}-lora`} />
            </div>
          )}
        </div>
        <LoraProgress />
        <div id={`${id}-lora`} hidden={!isMixing}>
          {hasLoras && isMixing && <LoraMixer />}
        </div>
      </div>
    </section>
  );
}
