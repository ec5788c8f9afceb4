// What one does to the picture in the viewer: at the top beside its name, on phones under the thumb.
import { useQueryClient } from '@tanstack/react-query';
import { Download, Info, Maximize, Share, SquareDashed, Star, Trash2 } from 'lucide-react';
import type { Item } from '@/api/types';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import type { Special } from './actions';
import { change } from './change';
import { download } from './download';
import { ImageMenu } from './menu';
import { canShare, share } from './share';
import type { Zoom } from './use-zoom';

interface Props {
  item: Item | undefined;
  zoom: () => Zoom | null;
  boxes: boolean;
  info: boolean;
  onBoxes: () => void;
  onInfo: () => void;
  special: Required<Special>;
}

export function ViewerBar({ item, zoom, boxes, info, onBoxes, onInfo, special }: Props) {
  const t = useT().viewer;
  const client = useQueryClient();
  return (
    <div
      role="group"
      aria-label={t.actions}
      className="flex items-center border-line bg-surface tablet:gap-1 tablet:border-b max-tablet:order-last max-tablet:col-span-3 max-tablet:justify-around max-tablet:border-t max-tablet:pb-[env(safe-area-inset-bottom)]"
    >
      <IconButton label={t.boxes} keys="B" pressed={boxes} onClick={onBoxes}>
        <SquareDashed size={17} />
      </IconButton>
      <IconButton label={t.fit} keys="0" onClick={() => zoom()?.setFit()} className="max-tablet:hidden">
        <Maximize size={16} />
      </IconButton>
      <IconButton label={t.actual} keys="Z" onClick={() => zoom()?.setActual()} className="max-tablet:hidden">
        <span className="num text-micro" aria-hidden>
          1:1
        </span>
      </IconButton>
      <IconButton label={t.info} keys="I" pressed={info} aria-expanded={info} onClick={onInfo}>
        <Info size={17} />
      </IconButton>
      {item && (
        <IconButton
          label={item.fav ? t.unfavorite : t.favorite}
          keys="F"
          pressed={item.fav}
          onClick={() => void change(client, item, { fav: !item.fav })}
        >
          <Star size={17} className={item.fav ? 'fill-current' : undefined} />
        </IconButton>
      )}
      {item && canShare() && (
        <IconButton label={t.share} onClick={() => void share(item)}>
          <Share size={17} />
        </IconButton>
      )}
      {item && (
        <IconButton label={t.download} onClick={() => download(item)}>
          <Download size={17} />
        </IconButton>
      )}
      <IconButton label={t.trash} keys="Del" disabled={!item} onClick={special.onTrash}>
        <Trash2 size={17} />
      </IconButton>
      {item && <ImageMenu item={item} size="normal" {...special} />}
    </div>
  );
}
