// What the page and its packing worker say to each other.

export interface ToPack {
  url: string;
  name: string;
  time: number; // ms
}

export type Packed =
  | { kind: 'progress'; done: number }
  | { kind: 'part'; blob: Blob; files: number }
  | { kind: 'end'; missing: number }
  | { kind: 'failed'; why: string };
