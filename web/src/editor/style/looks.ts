// Ready-made looks. Phrases are English because the model learned them so; names are in the
// dictionaries under the same keys.
export const PHOTO_LOOKS = {
  portrait: '85mm portrait lens, very shallow focus, creamy background blur, eye-level',
  wide: 'wide-angle landscape view, deep focus, sweeping horizon, crisp detail',
  natural: '50mm lens, natural perspective, moderate depth of field, eye-level',
  reportage: '35mm lens, candid moment, soft bokeh, slight wide view',
  tele: '200mm telephoto, compressed distance, isolated subject, blurred surroundings',
  macro: 'macro lens, extreme close-up, razor-thin focus, fine surface texture',
  miniature: 'tilt-shift lens, raised viewpoint, narrow focus band, toy-like scale',
  fisheye: 'fisheye lens, strong barrel curve, ultra-wide circular view',
  low: '24mm lens, low angle from the ground, towering perspective, bold lines',
  studio: 'studio portrait, seamless backdrop, soft key light, precise focus',
  cinema: 'anamorphic lens, cinematic framing, oval bokeh, subtle flare',
  figure: '50mm lens, full figure in frame, even focus head to toe, eye-level',
  place: '35mm environmental portrait, full figure, surroundings in focus',
  vintage: 'vintage 35mm film, visible grain, faded tones, light leaks',
} as const;

export const ART_LOOKS = {
  watercolour: 'watercolour, wet washes, bleeding edges, visible paper grain',
  flat: 'flat vector art, solid fills, clean curves, no outlines',
  oil: 'oil on canvas, thick brushwork, layered glazes, rich texture',
  anime: 'hand-drawn anime film, painted backgrounds, soft cel shading',
  render: 'realistic 3D render, physically based materials, global illumination',
  lowpoly: 'low-poly 3D, faceted surfaces, simple shapes, matte shading',
  isometric: 'isometric illustration, parallel lines, tidy miniature scene',
  pencil: 'graphite pencil drawing, fine hatching, smudged shading, white paper',
  line: 'line art, single-weight contours, generous white space, no shading',
  screenprint: 'screen-print poster, few spot colours, bold shapes, slight misregistration',
  pixel: 'pixel art, limited palette, crisp square pixels, gentle dithering',
  halftone: 'halftone comic, heavy ink lines, dot shading, flat print colours',
} as const;

export type Kind = 'photo' | 'art_style';

/** The key of a look whose phrase this is; null: own words. */
export function lookKey(kind: Kind, phrase: string): string | null {
  const looks: Record<string, string> = kind === 'photo' ? PHOTO_LOOKS : ART_LOOKS;
  return Object.keys(looks).find((key) => looks[key] === phrase.trim()) ?? null;
}

export function lookPhrase(kind: Kind, key: string): string {
  const looks: Record<string, string> = kind === 'photo' ? PHOTO_LOOKS : ART_LOOKS;
  return looks[key] ?? '';
}
