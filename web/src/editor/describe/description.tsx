import { BACKGROUND, HLD, put } from '@/document/caption';
import { useCaption, useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { TextArea } from '@/ui/field';
import { LintMark } from '../lint/mark';

export function Description() {
  const t = useT().editor;
  const { hld } = useCaption();
  const edit = useDocument((s) => s.edit);
  return (
    <TextArea
      label={t.description}
      aside={<LintMark path={HLD} />}
      placeholder={t.descriptionExample}
      data-testid="field-hld"
      inputClassName="min-h-24"
      value={hld}
      onChange={(e) => edit('description', put(HLD, e.target.value), 'hld')}
    />
  );
}

export function Background() {
  const t = useT().editor;
  const { background } = useCaption();
  const edit = useDocument((s) => s.edit);
  return (
    <TextArea
      label={t.background}
      aside={<LintMark path={BACKGROUND} />}
      placeholder={t.backgroundExample}
      data-testid="field-bg"
      inputClassName="min-h-15"
      value={background}
      onChange={(e) => edit('background', put(BACKGROUND, e.target.value), 'bg')}
    />
  );
}
