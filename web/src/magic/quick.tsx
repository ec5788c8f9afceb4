// Plain language. With Magic Prompt the text is a wish that a language model turns into a caption;
// without, it is the description itself, so that a person can write a sentence and generate.
import { useQueryClient } from '@tanstack/react-query';
import clsx from 'clsx';
import { Sparkle } from 'lucide-react';
import { useEffect, useState } from 'react';
import { HLD, put } from '@/document/caption';
import { useCaption, useDocument, useTextError } from '@/document/store';
import { runGenerate } from '@/editor/actions';
import { GuideButton } from '@/editor/guide/guide-button';
import { LintMark } from '@/editor/lint/mark';
import { useT } from '@/i18n';
import { PartsButton } from '@/parts/parts-button';
import { number } from '@/lib/format';
import { Button } from '@/ui/button';
import { TextArea } from '@/ui/field';
import { later } from '@/ui/later';
import { Segmented } from '@/ui/segmented';
import { CaptionText } from './caption-text';
import { Ideas } from './ideas';
import { PastedCaption } from './pasted-caption';
import { promptFor } from './merge';
import { addPictures, howOf, remember, setQuick, TEXT_MAX, useQuick } from './quick-state';
import { References } from './references';
import { hasContent } from './review-state';
import { startRun, useRun, type Intent } from './run';
import { Running, StateLine } from './state-line';
import { useMagic } from './status';

const ReviewPanel = later(() => import('./review-panel').then((m) => m.ReviewPanel));

/** A text that waits for Magic Prompt becomes the description when there is none. */
function useTextWithoutMagic(isOff: boolean): void {
  useEffect(() => {
    if (!isOff) return;
    const { text } = useQuick.getState();
    const { edit, good } = useDocument.getState();
    if (text.trim() === '') return;
    if (good.caption.hld.trim() === '') edit('description', put(HLD, text));
    remember(text);
    setQuick({ text: '' });
  }, [isOff]);
}

function useActions(isOff: boolean) {
  const t = useT().magic;
  const client = useQueryClient();
  const magic = useMagic();
  const { hld } = useCaption();
  const error = useTextError();
  const text = useQuick((s) => s.text);
  const pictures = useQuick((s) => s.pictures.length);
  const document = useDocument((s) => s.good.text);
  const keepElements = useQuick((s) => s.keepElements);
  useQuick((s) => s.how);
  const how = howOf(document);
  const isAsked = !isOff && (text.trim() !== '' || pictures > 0);
  const length = isOff ? 0 : [...promptFor(text, document, keepElements, how)].length;
  const isTooLong = !isOff && length > TEXT_MAX ? t.tooLong(number(length), number(TEXT_MAX)) : null;
  const isDown = magic.state !== 'ready' && magic.state !== 'asking';
  const blocked = isOff ? t.offReason : isDown ? t.failed : isTooLong;
  const expandReason = blocked ?? (isAsked ? null : t.nothing);
  const generateReason = isAsked ? blocked : error ? t.broken : hld.trim() === '' ? t.nothing : null;
  const start = (intent: Intent) => void startRun(client, intent);
  return {
    magic,
    how,
    hasContent: hasContent(document),
    isTooLong,
    isAsked,
    expandReason,
    generateReason,
    expand: () => start('expand'),
    generate: () => (isAsked ? start('generate') : runGenerate({ newEntry: true, seed: 'new' })),
  };
}

export function Quick() {
  const t = useT().magic;
  const magicState = useMagic().state;
  const isOff = magicState === 'off';
  useTextWithoutMagic(isOff);
  const { hld, elements } = useCaption();
  const error = useTextError();
  const edit = useDocument((s) => s.edit);
  const run = useRun((s) => s.run);
  const wish = useQuick((s) => s.text);
  const pictures = useQuick((s) => s.pictures);
  const keepElements = useQuick((s) => s.keepElements);
  const review = useRun((s) => s.review);
  const key = useDocument((s) => s.key);
  const { magic, how, hasContent: hasAny, isTooLong, isAsked, expandReason, generateReason, expand, generate } = useActions(isOff);
  const [isOver, setOver] = useState(false);
  const text = isOff ? hld : wish;
  const write = (next: string) => (isOff ? edit('description', put(HLD, next), 'hld') : setQuick({ text: next }));
  // What was pressed goes; the text that came is where to go on.
  const focusText = () => document.querySelector<HTMLElement>('[data-testid="quick-text"]')?.focus();
  const pick = (idea: string) => {
    write(idea);
    focusText();
  };
  const useText = () => {
    edit('description', put(HLD, wish.trim()));
    remember(wish);
  };
  return (
    <section
      aria-label={t.text}
      onDragOver={(e) => {
        if (isOff || !e.dataTransfer.types.includes('Files')) return;
        e.preventDefault();
        e.stopPropagation();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        setOver(false);
        if (isOff) return;
        e.preventDefault();
        e.stopPropagation();
        void addPictures([...e.dataTransfer.files]);
      }}
      className={clsx('flex flex-col gap-3 border-b border-line px-4 pt-3 pb-4', isOver && 'bg-accent-soft')}
    >
      <TextArea
        label={how === 'change' ? t.changeText : t.text}
        aside={
          <span className="flex items-center">
            {isOff && <LintMark path={HLD} />}
            <PartsButton kind="prompt" />
            <GuideButton />
          </span>
        }
        placeholder={isOff ? t.exampleOff : how === 'change' ? t.changeExample : t.example}
        data-testid="quick-text"
        inputClassName="min-h-32 text-reading!"
        value={text}
        readOnly={run !== null || (isOff && error !== null)}
        error={isTooLong}
        onChange={(e) => write(e.target.value)}
        onPaste={(e) => {
          const files = [...e.clipboardData.files].filter((f) => f.type.startsWith('image/'));
          if (isOff || files.length === 0) return;
          e.preventDefault();
          e.stopPropagation();
          void addPictures(files);
        }}
      />
      <PastedCaption text={text} onUsed={() => {
          if (!isOff) setQuick({ text: '' });
          focusText();
        }} />
      {(!isOff || pictures.length > 0) && <References isLocked={run !== null} />}
      {!isOff && hasAny && (
        <Segmented
          label={t.how}
          value={how}
          choices={[
            { value: 'anew', label: t.hows.anew, testId: 'quick-anew' },
            { value: 'change', label: t.hows.change, testId: 'quick-change' },
          ]}
          onChange={(value) => useQuick.setState({ how: value })}
        />
      )}
      {!isOff && how === 'anew' && elements.length > 0 && (
        <label className="flex items-center gap-2 text-control text-text-2 pointer-coarse:min-h-11">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={keepElements}
            onChange={(e) => useQuick.setState({ keepElements: e.target.checked })}
          />
          {t.keepElements}
        </label>
      )}
      {run ? (
        <Running />
      ) : (
        <>
          <div className="flex flex-wrap gap-2">
            <Button
              className="flex-1"
              data-testid="quick-expand"
              icon={<Sparkle size={14} aria-hidden />}
              reason={expandReason}
              title={expandReason ? undefined : t.expandHint}
              onClick={(e) => e.detail < 2 && expand()}
            >
              {how === 'change' ? t.change : t.expand}
            </Button>
            <Button
              className="flex-1"
              data-testid="quick-generate"
              reason={generateReason}
              onClick={(e) => e.detail < 2 && generate()}
            >
              {!isAsked ? t.generate : how === 'change' ? t.changeAndGenerate : t.expandAndGenerate}
            </Button>
          </div>
          <StateLine magic={magic} refetch={magic.refetch} onUseText={wish.trim() === '' ? null : useText} />
        </>
      )}
      {!run && review?.key === key && (
        <ReviewPanel
          review={review}
          onClose={() => {
            useRun.setState({ review: null });
            focusText();
          }}
        />
      )}
      {text === '' && how === 'anew' && <Ideas isOff={isOff} onPick={pick} onOpened={focusText} />}
      {!isOff && <CaptionText />}
    </section>
  );
}
