import { describe, expect, it } from 'vitest';
import { oldJobs } from './moving';
import { docOfRow } from './stored';

const request = {
  caption: { compositional_deconstruction: { background: 'b', elements: [] }, high_level_description: 'd' },
  width: 1024,
  height: 768,
  preset: 'V4_TURBO_12',
  seed: 5,
  format: 'png',
};
const job = { id: 'a', status: 'queued', label: 'd', createdAt: 1, request, formSnapshot: { hld: 'd', seed: '5' } };

describe('moving over', () => {
  it('offers what never began, in the same words', () => {
    const stored = JSON.stringify({
      genQueue: [job, { ...job, id: 'b', status: 'running' }, { id: 'c', status: 'queued' }, 5, null],
      genQueueExpanded: true,
    });
    const jobs = oldJobs(stored);
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({ client_id: 'moved:a', width: 1024, seed: 5, hld: 'd', form_json: '{"hld":"d","seed":"5"}' });
    expect(JSON.stringify(JSON.parse(jobs[0]!.caption as string))).toBe(JSON.stringify(request.caption));
    expect('prompt_id' in jobs[0]!).toBe(false);
    const again = oldJobs(JSON.stringify({ genQueue: [{ ...job, historyLinkMode: 'regenerate', promptId: 3 }] }));
    expect(again[0]?.prompt_id).toBe(3);
  });

  it('takes anything else for nothing', () => {
    for (const stored of [null, '', 'null', '[]', '{}', '"x"', '{"genQueue":5}', '{"genQueue":[']) {
      expect(oldJobs(stored)).toEqual([]);
    }
  });
});

describe('stored rows', () => {
  const fields = { hld: 'from fields', med: 'photograph', bg: 'b', cp: '', els: [], w: 512, h: 512, seed: '9' };

  it('opens the exact text, or what the fields make', () => {
    const text = '{ "zz": 1.0, "compositional_deconstruction": {} }';
    expect(docOfRow(JSON.stringify({ ...fields, rawJson: text }))).toMatchObject({ broken: false, doc: { text } });
    const built = docOfRow(JSON.stringify({ ...fields, rawJson: ' ' }));
    expect(built?.broken).toBe(false);
    expect(built?.doc.text).toContain('from fields');
    expect(built?.doc.settings).toMatchObject({ width: 512, seed: '9', loras: [] });
  });

  it('keeps a broken text and the fields beside it', () => {
    const opened = docOfRow(JSON.stringify({ ...fields, rawJson: '{"a":' }));
    expect(opened).toMatchObject({ broken: true, doc: { text: '{"a":' }, fields: { hld: 'from fields' } });
  });

  it('reads the LoRAs that we keep beside it', () => {
    const x = { loras: [{ name: 'n', strength: 0.5 }] };
    expect(docOfRow(JSON.stringify({ ...fields, x }))?.doc.settings.loras).toEqual(x.loras);
    expect(docOfRow('[]')).toBeUndefined();
  });
});
