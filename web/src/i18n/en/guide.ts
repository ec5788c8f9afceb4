// The writing guide. It comes with its dialog, not with the page.
export const guideTopics = [
  {
    title: 'Choose the medium first',
    text: [
      'Photograph, painting, 3D render: this one word steers everything. Decide on it, then write the rest so that it fits. A photograph has a lens and a distance; a painting has brushwork and a surface.',
      'Camera words in a painting, or brush strokes in a photograph, pull in two directions and blur both.',
    ],
  },
  {
    title: 'Each thing in its field',
    text: [
      'Description: the whole picture in a sentence or two. Mood and light: how it feels and where the light comes from. Background: what lies behind everything. Elements: the things you would point at.',
      'Say something once, in the field where it belongs. Twice is not stronger, only less clear.',
    ],
  },
  {
    title: 'Composition comes from elements',
    text: [
      'Where things are is decided by the description, the elements and their boxes. “Wide angle” moves nothing; “a small hut at the lower left, mountains filling the upper half” does.',
      'Elements further down the list lie in front.',
    ],
  },
  {
    title: 'A box is a firm hold',
    text: [
      'Use boxes for lettering, packaging, posters, anything that must sit exactly. Give a text as much room as you want it to have: it fills its box.',
      'While you are looking for an idea, leave boxes out. The model then finds arrangements you did not think of.',
    ],
  },
  {
    title: 'One thing, one element',
    text: [
      'A dancer is one element, not head, arms and dress. A shelf of books is one element, not forty. Split only what stands apart.',
      'Words to be drawn go into a text element, letter by letter as they shall appear; quote them in its description as well and say how they look.',
    ],
  },
  {
    title: 'When nothing but grey comes',
    text: [
      'The model answers some captions with a flat grey card. Write “adult” where an age could be misread, name no living people or brands, and say plainly what is meant.',
      'Write colours as #RRGGBB in capitals. Try one picture before a long batch: what is wrong in the first is wrong in all.',
    ],
  },
];
