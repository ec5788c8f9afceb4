// Something to begin with while nothing is written: four ideas, and what was written before.
import { useQuery } from '@tanstack/react-query';
import { capabilitiesQuery } from '@/api/queries';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { DEMO_IDEAS } from './demo-ideas';
import { useQuick } from './quick-state';

const RECENT_SHOWN = 4;

function Lines({ title, lines, onPick }: { title: string; lines: string[]; onPick: (text: string) => void }) {
  return (
    <div>
      <h4 className="mb-1 text-caption font-medium text-text-3">{title}</h4>
      <ul className="-mx-2">
        {lines.map((line) => (
          <li key={line}>
            <button
              type="button"
              onClick={() => onPick(line)}
              className="w-full rounded-control px-2 py-1.5 text-start text-control text-text-2 hover:bg-sunken hover:text-text pointer-coarse:py-3"
            >
              <span className="line-clamp-2">{line}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

export interface IdeasProps {
  isOff: boolean; // no Magic Prompt: what is written is what is drawn
  onPick: (text: string) => void;
  onOpened: () => void; // a whole caption took the place of the document
}

export function Ideas({ isOff, onPick, onOpened }: IdeasProps) {
  const t = useT().magic;
  const recent = useQuick((s) => s.recent);
  const { data } = useQuery(capabilitiesQuery);
  const isDemo = isOff && data?.model?.demo === true;
  const open = (line: string) => {
    const idea = DEMO_IDEAS.find((i) => i.line === line);
    const { doc, replace } = useDocument.getState();
    if (idea) replace('example', { ...doc, text: idea.text });
    onOpened();
  };
  return (
    <div className="flex flex-col gap-3">
      {isDemo ? (
        <Lines title={t.ideasDemo} lines={DEMO_IDEAS.map((i) => i.line)} onPick={open} />
      ) : (
        <Lines title={t.ideas} lines={t.ideaList} onPick={onPick} />
      )}
      {recent.length > 0 && <Lines title={t.recent} lines={recent.slice(0, RECENT_SHOWN)} onPick={onPick} />}
    </div>
  );
}
