// The finished picture in its place. A press opens the viewer.
import type { Item } from '@/api/types';
import { fileUrl, thumbUrl } from '@/api/queries';
import { useT } from '@/i18n';
import { shorten } from '@/lib/format';
import { useOpenImage } from './use-open-image';

interface Props {
  id: number;
  item: Item | undefined;
  canOpen: boolean; // not under the layout
}

export function Picture({ id, item, canOpen }: Props) {
  const t = useT().stage;
  const open = useOpenImage();
  const image = (
    <img
      key={id}
      data-testid="result-image"
      data-id={id}
      src={fileUrl(id)}
      alt={shorten(item?.hld || item?.title || t.noAlt)}
      draggable={false}
      className="size-full object-contain select-none"
      style={{ background: `center / contain no-repeat url(${thumbUrl(id, 640)})` }}
    />
  );
  if (!canOpen) return <div className="pointer-events-none absolute inset-0">{image}</div>;
  return (
    <button type="button" title={t.open} onClick={() => open(id)} className="absolute inset-0 block cursor-zoom-in">
      {image}
    </button>
  );
}
