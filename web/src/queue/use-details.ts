// "Copy details" of a job: what a bug report needs, without the words of the prompt.
import { useQuery } from '@tanstack/react-query';
import { capabilitiesQuery } from '@/api/queries';
import type { Job } from '@/api/types';
import { copyText } from '@/lib/clipboard';
import { jobDetails } from './labels';

export function useCopyDetails(): (job: Job) => void {
  const { data } = useQuery(capabilitiesQuery);
  return (job) => void copyText(jobDetails(job, data?.version ?? ''));
}

/** The name of a preset as the server says it. */
export function usePresetLabel(): (preset: string) => string {
  const { data } = useQuery(capabilitiesQuery);
  return (preset) => data?.presets.find((p) => p.name === preset)?.label ?? preset;
}
