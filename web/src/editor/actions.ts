// What keys and commands can do in the editor: registered by the part that can do it while it is
// there, called from anywhere.
export interface GenerateWish {
  next?: boolean;
  newEntry?: boolean;
  seed?: 'new' | 'same'; // else: as the field says
}

let generate: ((wish: GenerateWish) => void) | null = null;

export function registerGenerate(run: (wish: GenerateWish) => void): () => void {
  generate = run;
  return () => {
    if (generate === run) generate = null;
  };
}

/** False where there is nothing to generate from (another page). */
export function runGenerate(wish: GenerateWish = {}): boolean {
  generate?.(wish);
  return generate !== null;
}
