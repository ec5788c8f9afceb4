// The address of this page for a phone or tablet of the house: as a code for its camera, where the
// page was opened by an address that other devices can reach.
import { useMemo } from 'react';
import { copyText } from '@/lib/clipboard';
import { qrCode, qrPath } from '@/lib/qr';
import { useT } from '@/i18n';
import { Button } from '@/ui/button';

const QUIET = 4; // modules of light that a reader needs around it

export function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
}

export function OtherDevice() {
  const t = useT().viewer.device;
  const { hostname, origin } = window.location;
  const address = `${origin}/`;
  const code = useMemo(() => (isLoopback(hostname) ? null : qrCode(address)), [address, hostname]);
  if (!code) return <p className="text-control text-text-2">{t.onlyHere}</p>;
  const side = code.length + 2 * QUIET;
  return (
    <div className="flex flex-wrap items-center gap-4">
      {/* Black on white in both themes: readers expect it. */}
      <svg
        role="img"
        aria-label={t.code(address)}
        data-testid="address-code"
        viewBox={`${-QUIET} ${-QUIET} ${side} ${side}`}
        shapeRendering="crispEdges"
        className="size-36 shrink-0 rounded-thumb bg-[#fff]"
      >
        <path d={qrPath(code)} fill="#000" />
      </svg>
      <div className="flex min-w-40 flex-1 flex-col items-start gap-2">
        <p className="text-control text-text-2">{t.scan}</p>
        <p className="num text-control break-all">{address}</p>
        <Button size="small" onClick={() => void copyText(address)}>
          {t.copy}
        </Button>
      </div>
    </div>
  );
}
