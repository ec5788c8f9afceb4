// The caption as fields.
import { useT } from '@/i18n';
import { PartsButton } from '@/parts/parts-button';
import { Elements } from '../elements/elements';
import { GuideButton } from '../guide/guide-button';
import { Section } from '../section';
import { Style } from '../style/style';
import { Background, Description } from './description';

export function Form() {
  const t = useT().editor;
  return (
    <div className="grid grid-cols-1 @3xl:grid-cols-2 @3xl:items-start">
      <div className="@3xl:border-e @3xl:border-line">
        <Section title={t.scene} aside={
            <>
              <PartsButton kind="prompt" />
              <GuideButton />
            </>
          }>
          <div className="flex flex-col gap-3">
            <Description />
            <Background />
          </div>
        </Section>
        <Style />
      </div>
      <Elements />
    </div>
  );
}
