// Stored forms, ours and the original's, as documents: the exact text where there is one.
import * as v from 'valibot';
import { read, type Caption } from '@/document/caption';
import { captionOfForm, readForm, textOfForm, type Form } from '@/document/form';
import { write, type Json } from '@/document/json';
import { DEFAULT_SETTINGS, useDocument, type Doc, type LoraUse } from '@/document/store';

const Extra = v.object({
  x: v.object({ loras: v.fallback(v.array(v.object({ name: v.string(), strength: v.number() })), []) }),
});

/** What the original does not know and keeps under a key of ours. */
function lorasOf(stored: string): LoraUse[] {
  try {
    const parsed = v.safeParse(Extra, JSON.parse(stored));
    return parsed.success ? parsed.output.x.loras : [];
  } catch {
    return [];
  }
}

export interface OpenedDoc {
  doc: Doc;
  broken: boolean; // its text is no caption
  fields: Caption; // what the fields say, shown while the text is broken
  fieldsText: string;
  fieldsValue: Json;
}

export function docOfForm(form: Form, loras: LoraUse[] = []): OpenedDoc {
  const { text, parses } = textOfForm(form);
  const fieldsValue = captionOfForm(form);
  return {
    doc: {
      text,
      settings: {
        width: form.w ?? DEFAULT_SETTINGS.width,
        height: form.h ?? DEFAULT_SETTINGS.height,
        preset: form.preset ?? DEFAULT_SETTINGS.preset,
        seed: form.seed === undefined ? '' : String(form.seed),
        seedLocked: false,
        format: form.format ?? DEFAULT_SETTINGS.format,
        loras,
      },
    },
    broken: !parses,
    fields: read(fieldsValue),
    fieldsText: write(fieldsValue),
    fieldsValue,
  };
}

/** undefined: the row is no form at all. */
export function docOfRow(formJson: string): OpenedDoc | undefined {
  const form = readForm(formJson);
  return form && docOfForm(form, lorasOf(formJson));
}

/** Into the editor. Where the text is broken, the fields stand for it until it is mended (B0). */
export function openStored(key: string, opened: OpenedDoc): void {
  useDocument.getState().open(key, opened.doc);
  if (opened.broken) {
    useDocument.setState({
      good: { text: opened.fieldsText, value: opened.fieldsValue, caption: opened.fields },
    });
  }
}
