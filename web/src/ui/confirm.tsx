// One question at a time, answered with a promise.
import { create } from 'zustand';
import { useT } from '@/i18n';
import { Button } from './button';
import { Dialog } from './dialog';

interface Question {
  title: string;
  text: string;
  items?: string[];
  yes: string;
  isBad?: boolean;
  answer: (yes: boolean) => void;
}

const useQuestion = create<{ question: Question | null }>()(() => ({ question: null }));

export function confirm(question: Omit<Question, 'answer'>): Promise<boolean> {
  return new Promise((resolve) => {
    useQuestion.getState().question?.answer(false);
    useQuestion.setState({
      question: {
        ...question,
        answer: (yes) => {
          useQuestion.setState({ question: null });
          resolve(yes);
        },
      },
    });
  });
}

export function Confirmation() {
  const t = useT();
  const question = useQuestion((s) => s.question);
  if (!question) return null;
  return (
    <Dialog
      title={question.title}
      onClose={() => question.answer(false)}
      data-testid="confirm"
      footer={
        <>
          <Button data-first={question.isBad || undefined} onClick={() => question.answer(false)}>
            {t.ui.cancel}
          </Button>
          <Button look={question.isBad ? 'bad' : 'ink'} data-first={!question.isBad || undefined} onClick={() => question.answer(true)}>
            {question.yes}
          </Button>
        </>
      }
    >
      <p className="text-text-2">{question.text}</p>
      {question.items && (
        <ul className="mt-3 list-disc space-y-1 ps-5 text-text-2">
          {question.items.map((item) => (
            <li key={item}>{item}</li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
