// Quality and file format, with what the server says about them.
import { useQuery } from '@tanstack/react-query';
import { capabilitiesQuery } from '@/api/queries';
import { useDocument } from '@/document/store';
import { useT } from '@/i18n';
import { SelectField } from '@/ui/field';
import { clearFieldErrors, useFieldErrors } from '../field-errors';

const PRESETS = [
  { name: 'V4_TURBO_12', steps: 12, label: 'Turbo' },
  { name: 'V4_DEFAULT_20', steps: 20, label: 'Default' },
  { name: 'V4_QUALITY_48', steps: 48, label: 'Quality' },
];
const FORMATS = [
  { name: 'webp', lossless: false, quality: null },
  { name: 'png', lossless: true, quality: null },
  { name: 'jpeg', lossless: false, quality: null },
];
const NAMES: Record<string, string> = { webp: 'WebP', png: 'PNG', jpeg: 'JPEG' };

export function PresetField() {
  const t = useT().settings;
  const { data } = useQuery(capabilitiesQuery);
  const preset = useDocument((s) => s.doc.settings.preset);
  const error = useFieldErrors((s) => s.errors.preset);
  const presets = data?.presets?.length ? data.presets : PRESETS;
  return (
    <SelectField
      label={t.preset}
      data-testid="preset"
      error={error}
      value={preset}
      onChange={(e) => {
        clearFieldErrors('preset');
        useDocument.getState().setSettings('preset', { preset: e.target.value });
      }}
    >
      {!presets.some((p) => p.name === preset) && <option value={preset}>{preset}</option>}
      {presets.map((p) => (
        <option key={p.name} value={p.name}>
          {t.presetChoice(p.label, p.steps)}
        </option>
      ))}
    </SelectField>
  );
}

export function FormatField() {
  const t = useT().settings;
  const { data } = useQuery(capabilitiesQuery);
  const format = useDocument((s) => s.doc.settings.format);
  const error = useFieldErrors((s) => s.errors.format);
  const formats = data?.formats?.length ? data.formats : FORMATS;
  return (
    <SelectField
      label={t.format}
      data-testid="format"
      error={error}
      value={format}
      onChange={(e) => {
        clearFieldErrors('format');
        useDocument.getState().setSettings('format', { format: e.target.value });
      }}
    >
      {!formats.some((f) => f.name === format) && <option value={format}>{format}</option>}
      {formats.map((f) => {
        const name = NAMES[f.name] ?? f.name;
        return (
          <option key={f.name} value={f.name}>
            {f.lossless ? t.lossless(name) : f.quality ? t.lossy(name, f.quality) : name}
          </option>
        );
      })}
    </SelectField>
  );
}
