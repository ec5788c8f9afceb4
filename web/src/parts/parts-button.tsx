// Opens the saved parts, at the place of what they are for.
import { Bookmark } from 'lucide-react';
import { useState } from 'react';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { later } from '@/ui/later';
import type { Kind } from './store';

const PartsDialog = later(() => import('./dialog').then((m) => m.PartsDialog));

export function PartsButton({ kind }: { kind: Kind }) {
  const t = useT().editor;
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <IconButton size="small" label={t.parts[kind]} data-testid={`open-parts-${kind}`} onClick={() => setOpen(true)}>
        <Bookmark size={14} />
      </IconButton>
      {isOpen && <PartsDialog kind={kind} onClose={() => setOpen(false)} />}
    </>
  );
}
