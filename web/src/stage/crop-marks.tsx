// Crop marks at the corners of the picture, as on a print sheet.
const GAP = 5;
const LENGTH = 14;
const SIDE = GAP + LENGTH;

const CORNERS = [
  { at: 'top-0 left-0', turn: 0, shift: '-translate-full' },
  { at: 'top-0 right-0', turn: 90, shift: 'translate-x-full -translate-y-full' },
  { at: 'right-0 bottom-0', turn: 180, shift: 'translate-full' },
  { at: 'bottom-0 left-0', turn: 270, shift: '-translate-x-full translate-y-full' },
];

export function CropMarks() {
  return (
    <>
      {CORNERS.map(({ at, turn, shift }) => (
        <svg key={turn} aria-hidden width={SIDE} height={SIDE} className={`pointer-events-none absolute text-text-3 ${at} ${shift}`}>
          <g stroke="currentColor" strokeWidth={1} transform={`rotate(${turn} ${SIDE / 2} ${SIDE / 2})`}>
            <line x1={0} x2={LENGTH} y1={SIDE - 0.5} y2={SIDE - 0.5} />
            <line y1={0} y2={LENGTH} x1={SIDE - 0.5} x2={SIDE - 0.5} />
          </g>
        </svg>
      ))}
    </>
  );
}
