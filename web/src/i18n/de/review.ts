import type { review as words } from '../en/review';

export const review: typeof words = {
  title: 'Was Magic Prompt geändert hat',
  note: 'Alles ist schon übernommen. Was vorher besser war, lässt sich Teil für Teil zurücknehmen.',
  sections: { description: 'Beschreibung', style: 'Stil', colours: 'Farben', background: 'Hintergrund', elements: 'Elemente' },
  sides: { before: 'Vorher', after: 'Neu' },
  sideOf: (section: string) => `${section}: welche Fassung`,
  edited: 'Seitdem bearbeitet',
  nothing: 'nichts',
  gone: 'Weggefallen:',
  added: 'Neu:',
  box: 'mit Rahmen',
  allBefore: 'Alles zurücknehmen',
  allAfter: 'Alles übernehmen',
  done: 'Fertig',
  isBefore: (section: string) => `${section}: wie vorher`,
  isAfter: (section: string) => `${section}: neu`,
};
