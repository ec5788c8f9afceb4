// One call to the gateway. Every failure becomes an ApiError whose message is a sentence for people.

export interface FieldError {
  field: string; // dotted path, "" for the whole body
  message: string;
}

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number, // 0: no answer
    readonly code: string | null = null,
    readonly fields: FieldError[] = [],
    readonly body: unknown = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  get isUnreachable(): boolean {
    return this.status === 0;
  }
}

interface Detail {
  loc?: (string | number)[];
  msg?: string;
}

function readError(status: number, body: unknown): ApiError {
  const b = (typeof body === 'object' && body !== null ? body : {}) as {
    error?: unknown;
    code?: unknown;
    detail?: unknown;
  };
  const details = Array.isArray(b.detail) ? (b.detail as Detail[]) : [];
  const fields = details.map((d) => ({
    field: (d.loc ?? []).slice(1).join('.'),
    message: d.msg ?? 'not accepted',
  }));
  const message =
    typeof b.error === 'string'
      ? b.error
      : typeof b.detail === 'string'
        ? b.detail
        : fields.length > 0
          ? fields.map((f) => (f.field ? `${f.field}: ${f.message}` : f.message)).join('; ')
          : `the server answered ${status}`;
  return new ApiError(message, status, typeof b.code === 'string' ? b.code : null, fields, body);
}

export interface Call {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown; // sent as JSON; a Blob as it is
  signal?: AbortSignal;
  seconds?: number; // limit; 30
}

const listeners = new Set<(reachable: boolean) => void>();

/** Tells whether the last call reached the gateway. */
export function onReach(listener: (reachable: boolean) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(reachable: boolean): void {
  for (const listener of listeners) listener(reachable);
}

export async function call<T>(path: string, { method, body, signal, seconds = 30 }: Call = {}): Promise<T> {
  const limit = AbortSignal.timeout(seconds * 1000);
  const isRaw = body instanceof Blob;
  let response: Response;
  try {
    response = await fetch(path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: body === undefined || isRaw ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : isRaw ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    tell(false);
    throw new ApiError('the gateway does not answer', 0, 'gateway_unreachable');
  }
  tell(true);
  const type = response.headers.get('Content-Type') ?? '';
  const answer: unknown = type.includes('json') ? await response.json().catch(() => null) : await response.text();
  if (!response.ok) throw readError(response.status, answer);
  return answer as T;
}

/** A query string of what is set; lists are repeated. */
export function query(values: Record<string, string | number | boolean | string[] | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value == null || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      search.append(key, one === true ? '1' : one === false ? '0' : String(one));
    }
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}
