// What became of one section: words struck out and words written, colours, elements line by line.
import clsx from 'clsx';
import { read, type Caption, type Element } from '@/document/caption';
import { parse } from '@/document/json';
import { useT } from '@/i18n';
import type { review as words } from '@/i18n/en/review';
import { Strip } from '@/parts/strip';
import { difference, wordDifference, type Piece, type Section } from './review';

type ReviewWords = typeof words;

const looks: Record<Piece['kind'], string> = {
  same: 'text-text-2',
  gone: 'text-bad line-through decoration-1',
  new: 'text-ok underline decoration-1 underline-offset-2',
};

function Marked({ kind, text, t, className }: Piece & { t: ReviewWords; className?: string }) {
  const Tag = kind === 'gone' ? 'del' : kind === 'new' ? 'ins' : 'span';
  return (
    <Tag className={clsx(looks[kind], className)}>
      {kind !== 'same' && <span className="sr-only">{kind === 'gone' ? t.gone : t.added} </span>}
      {text}
    </Tag>
  );
}

function Words({ before, after, t }: { before: string; after: string; t: ReviewWords }) {
  const pieces = wordDifference(before, after);
  if (pieces.length === 0) return <span className="text-text-3">{t.nothing}</span>;
  return (
    <>
      {pieces.map((piece, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- pieces of a text have no other name
        <span key={i}>
          {i > 0 && ' '}
          <Marked {...piece} t={t} />
        </span>
      ))}
    </>
  );
}

const captionOf = (text: string): Caption => {
  const parsed = parse(text);
  return read(parsed.ok ? parsed.root.value : {});
};

function lineOf(e: Element, t: ReviewWords): string {
  const what = e.kind === 'text' ? `“${e.text}” ${e.desc}` : e.desc;
  return `${what.trim() || t.nothing}${e.box ? ` (${t.box})` : ''}`;
}

export interface SectionChangeProps {
  section: Section;
  before: string;
  after: string;
  t: ReviewWords;
}

export function SectionChange({ section, before, after, t }: SectionChangeProps) {
  const e = useT().editor;
  const [a, b] = [captionOf(before), captionOf(after)];
  if (section === 'description' || section === 'background') {
    const key = section === 'description' ? 'hld' : 'background';
    return (
      <p className="text-control break-words">
        <Words before={a[key]} after={b[key]} t={t} />
      </p>
    );
  }
  if (section === 'colours') {
    const strip = (c: Caption, name: string) => (
      <>
        <span className="text-caption text-text-3">{name}</span>
        {c.palette.length > 0 ? <Strip colours={c.palette} className="h-5" /> : <span className="text-caption text-text-3">{t.nothing}</span>}
      </>
    );
    return (
      <div className="grid grid-cols-[auto_1fr] items-center gap-x-3 gap-y-1.5">
        {strip(a, t.sides.before)}
        {strip(b, t.sides.after)}
      </div>
    );
  }
  if (section === 'style') {
    const medium = (c: Caption) => (e.media as Record<string, string>)[c.medium] ?? c.medium;
    const rows = [
      [e.aesthetics, a.aesthetics, b.aesthetics],
      [e.lighting, a.lighting, b.lighting],
      [e.medium, medium(a), medium(b)],
      [e.look, a.look, b.look],
    ] as const;
    return (
      <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-control">
        {rows.map(([name, was, is]) =>
          was === is ? null : (
            <div key={name} className="contents">
              <dt className="text-caption leading-5 text-text-3">{name}</dt>
              <dd className="break-words">
                <Words before={was} after={is} t={t} />
              </dd>
            </div>
          ),
        )}
      </dl>
    );
  }
  const lines = difference(
    a.elements.map((x) => lineOf(x, t)),
    b.elements.map((x) => lineOf(x, t)),
  );
  return (
    <ul className="flex flex-col gap-1 text-control">
      {lines.map(({ kind, item }, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- lines of a text have no other name
        <li key={i} className="flex gap-2">
          <span aria-hidden className={clsx('num w-3 shrink-0', kind === 'same' ? 'text-text-3' : kind === 'gone' ? 'text-bad' : 'text-ok')}>
            {kind === 'same' ? '=' : kind === 'gone' ? '−' : '+'}
          </span>
          <Marked kind={kind} text={item} t={t} className="min-w-0 break-words" />
        </li>
      ))}
    </ul>
  );
}
