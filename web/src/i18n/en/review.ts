// Words of the comparison after Magic Prompt. They come with it, not with the page.
export const review = {
  title: 'What Magic Prompt changed',
  note: 'All of it is in place. What was better before can be taken back, part by part.',
  sections: { description: 'Description', style: 'Style', colours: 'Colours', background: 'Background', elements: 'Elements' },
  sides: { before: 'Before', after: 'Written' },
  sideOf: (section: string) => `Which ${section}`,
  edited: 'Edited since',
  nothing: 'nothing',
  gone: 'Taken out:',
  added: 'Written:',
  box: 'with box',
  allBefore: 'Take all back',
  allAfter: 'Take all',
  done: 'Done',
  isBefore: (section: string) => `${section}: as before`,
  isAfter: (section: string) => `${section}: as written`,
};
