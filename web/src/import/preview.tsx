// What is in it, at a glance: the picture or its layout, the first words, the settings.
import { useQuery } from '@tanstack/react-query';
import { capabilitiesQuery } from '@/api/queries';
import { read, type Caption } from '@/document/caption';
import { parse } from '@/document/json';
import { useT } from '@/i18n';
import { shorten } from '@/lib/format';
import type { Imported } from './recipe';

const WORDS = 160;

function captionOf(imported: Imported | null): Caption | null {
  const parsed = parse(imported?.caption ?? '');
  return parsed.ok ? read(parsed.root.value) : null;
}

function Layout({ caption, ratio }: { caption: Caption; ratio: number }) {
  const boxes = caption.elements.flatMap((e) => (e.box ? [{ index: e.index, box: e.box }] : []));
  return (
    <div className="relative bg-stage" style={{ aspectRatio: ratio, width: ratio >= 1 ? 112 : 112 * ratio }} aria-hidden>
      {boxes.map(({ index, box: [top, left, bottom, right] }) => (
        <span
          key={index}
          className="absolute border border-text-2"
          style={{
            top: `${top / 10}%`,
            left: `${left / 10}%`,
            width: `${(right - left) / 10}%`,
            height: `${(bottom - top) / 10}%`,
          }}
        />
      ))}
    </div>
  );
}

export function Preview({ name, url, imported }: { name: string; url: string | null; imported: Imported | null }) {
  const t = useT();
  const words = t.tools.import;
  const { data } = useQuery(capabilitiesQuery);
  const caption = captionOf(imported);
  const { width, height, preset, seed } = imported?.settings ?? {};
  const ratio = width && height ? width / height : (imported?.ratio ?? 1);
  const text = caption ? caption.hld : (imported?.caption ?? '');
  const boxes = caption?.elements.filter((e) => e.box).length ?? 0;
  const facts = [
    width && height ? `${width} × ${height}` : '',
    data?.presets?.find((p) => p.name === preset)?.label ?? preset ?? '',
    seed ? `${t.settings.seed} ${seed}` : '',
    imported?.model ?? '',
  ].filter(Boolean);
  return (
    <div className="flex items-start gap-4">
      {url ? (
        <img src={url} alt="" className="max-h-36 max-w-36 shrink-0 rounded-thumb object-contain" />
      ) : (
        caption && <Layout caption={caption} ratio={ratio} />
      )}
      <div className="flex min-w-0 flex-col gap-1">
        {name && <p className="truncate text-caption text-text-3">{name}</p>}
        {imported && <p className="font-medium">{words.found[imported.kind]}</p>}
        {text && <p className="text-control break-words text-text-2">{shorten(text, WORDS)}</p>}
        {caption && caption.elements.length > 0 && (
          <p className="text-caption text-text-3">
            {words.elements(caption.elements.length)}, {words.boxes(boxes)}
          </p>
        )}
        {facts.length > 0 && <p className="num text-caption break-words text-text-3">{facts.join(' · ')}</p>}
      </div>
    </div>
  );
}
