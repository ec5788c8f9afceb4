// The text of the document in CodeMirror. Typing goes into the document, and what else changes the
// document comes in here as the smallest change, so that the caret stays.
import { setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { useDocument } from '@/document/store';
import { useLint } from '@/document/use-lint';
import { useT } from '@/i18n';
import { openText } from '@/import/open-import';
import { jsonMessage } from './message';
import { marksOf } from './marks';
import { difference, extensions, fromDocument } from './setup';

function follow(view: EditorView, text: string): void {
  const now = view.state.doc.toString();
  if (now === text) return;
  const changes = difference(now, text);
  view.dispatch({
    changes,
    selection: { anchor: changes.from + changes.insert.length },
    annotations: fromDocument.of(true),
    scrollIntoView: true,
  });
}

/** What is selected on the page, which may be newer than what CodeMirror has seen. */
function selected(view: EditorView): { from: number; to: number } | null {
  const selection = document.getSelection();
  if (!selection || selection.rangeCount === 0 || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const root = view.contentDOM;
  if (!root.contains(range.startContainer) || !root.contains(range.endContainer)) return null;
  const ends = [
    view.posAtDOM(range.startContainer, range.startOffset),
    view.posAtDOM(range.endContainer, range.endOffset),
  ];
  const from = Math.min(...ends);
  const to = Math.max(...ends);
  return from < to ? { from, to } : null;
}

export default function Code() {
  const t = useT().tools;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const label = t.json;

  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const { undo, redo } = useDocument.getState();
    const made = new EditorView({
      parent,
      state: EditorState.create({
        doc: useDocument.getState().doc.text,
        extensions: [
          extensions(label, undo, redo),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((tr) => tr.annotation(fromDocument))) return;
            useDocument.getState().setText(update.state.doc.toString());
          }),
          EditorView.domEventHandlers({
            // Over a selection the browser itself would write style attributes, which the
            // Content-Security-Policy forbids: so it is done here.
            beforeinput(event, view) {
              if (event.inputType !== 'insertText' || view.composing) return false;
              const range = selected(view);
              if (!range) return false;
              event.preventDefault();
              const insert = event.data ?? '';
              view.dispatch({
                changes: { ...range, insert },
                selection: { anchor: range.from + insert.length },
                userEvent: 'input.type',
                scrollIntoView: true,
              });
              return true;
            },
            paste(event, { state }) {
              const { from, to } = state.selection.main;
              const isWhole = state.doc.toString().trim() === '' || (from === 0 && to === state.doc.length);
              const text = event.clipboardData?.getData('text/plain') ?? '';
              if (!isWhole || !openText(text, { onlyRepaired: true })) return false;
              event.preventDefault();
              return true;
            },
          }),
        ],
      }),
    });
    view.current = made;
    const stop = useDocument.subscribe((s) => follow(made, s.doc.text));
    return () => {
      stop();
      made.destroy();
      view.current = null;
    };
  }, [label]);

  const text = useDocument((s) => s.doc.text);
  const error = useDocument((s) => s.error);
  const items = useLint();
  useEffect(() => {
    const { current } = view;
    if (!current || current.state.doc.toString() !== text) return;
    const message = error ? jsonMessage(error.message, t.jsonErrors) : '';
    current.dispatch(setDiagnostics(current.state, marksOf(text, error, message, items)));
  }, [error, items, t, text]);

  return <div ref={place} className="h-full min-h-0 overflow-hidden" />;
}
