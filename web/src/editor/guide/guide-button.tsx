import { CircleQuestionMark } from 'lucide-react';
import { useState } from 'react';
import { useT } from '@/i18n';
import { IconButton } from '@/ui/button';
import { later } from '@/ui/later';

const Guide = later(() => import('./guide').then((m) => m.Guide));

/** Opens the writing guide, where writing begins. */
export function GuideButton() {
  const t = useT().editor;
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <IconButton size="small" label={t.guide} data-testid="guide-open" onClick={() => setOpen(true)}>
        <CircleQuestionMark size={16} />
      </IconButton>
      {isOpen && <Guide onClose={() => setOpen(false)} />}
    </>
  );
}
