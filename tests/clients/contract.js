// docs/openapi.json held against answers: every answer must fit the schema of its operation, and
// must have no key that the schema does not name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { source } from './stack.js';

// Clients ignore unknown keys; we do not, so that none is forgotten in the file.
function seal(value) {
  if (Array.isArray(value)) return value.map(seal);
  if (value === null || typeof value !== 'object') return value;
  const sealed = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, seal(v)]));
  if (value.properties && !('additionalProperties' in value)) sealed.additionalProperties = false;
  return sealed;
}

function matches(template, path) {
  const wanted = template.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length && wanted.every((w, i) => w.startsWith('{') || w === given[i])
  );
}

export class Contract {
  constructor() {
    this.file = seal(JSON.parse(readFileSync(join(source, 'docs/openapi.json'), 'utf8')));
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    this.ajv.addSchema(this.file, 'api');
    this.seen = new Set();
  }

  // Every operation, as "GET /api/queue".
  operations() {
    return Object.entries(this.file.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  find(method, path) {
    const found = Object.keys(this.file.paths)
      .filter((template) => matches(template, path) && this.file.paths[template][method])
      .sort((a, b) => a.split('{').length - b.split('{').length);
    if (!found.length) throw new Error(`openapi.json has no ${method} ${path}`);
    return found[0];
  }

  pointerTo(template, method, status) {
    const escaped = template.replaceAll('~', '~0').replaceAll('/', '~1');
    const { responses } = this.file.paths[template][method];
    const key = status in responses ? status : 'default';
    if (key === 'default' && status < 400) {
      throw new Error(`openapi.json has no ${status} for ${method} ${template}`);
    }
    const ref = responses[key].$ref;
    const response = ref ? this.file.components.responses[ref.split('/').pop()] : responses[key];
    const at = ref ?? `#/paths/${encodeURIComponent(escaped)}/${method}/responses/${key}`;
    return { response, at };
  }

  fits(at, value, what) {
    const validate = this.ajv.getSchema(`api${at}`);
    if (!validate(value)) {
      const errors = validate.errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
      throw new Error(`${what} does not fit openapi.json:\n${errors.join('\n')}\n${JSON.stringify(value)}`);
    }
  }

  // Data of an event, of a stream's line: a named schema.
  checkNamed(name, value) {
    this.fits(`#/components/schemas/${name}`, value, name);
  }

  check(method, path, status, type, bytes) {
    const lower = method.toLowerCase();
    const template = this.find(lower, path);
    const { response, at } = this.pointerTo(template, lower, status);
    const plain = type.split(';')[0];
    if (status === 204) {
      if (response.content || bytes.length > 0) throw new Error(`${method} ${path}: a 204 with a body`);
      return null;
    }
    if (!response.content) throw new Error(`${method} ${template} ${status} has no body in openapi.json`);
    if (!(plain in response.content)) throw new Error(`${method} ${path}: ${status} with ${type}`);
    if (status < 400) this.seen.add(`${method} ${template}`);
    if (plain !== 'application/json') return bytes;
    const value = JSON.parse(bytes.toString('utf8'));
    this.fits(`${at}/content/application~1json/schema`, value, `${method} ${path} ${status}`);
    return value;
  }

  // One exchange with `base`; the answer must have this status and fit.
  async ask(base, method, path, status, body) {
    const isBytes = body instanceof Uint8Array;
    const answer = await fetch(base + path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': isBytes ? 'image/png' : 'application/json' },
      body: body === undefined || isBytes ? body : JSON.stringify(body),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== status) {
      throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${bytes.toString('utf8', 0, 2000)}`);
    }
    return this.check(method, new URL(base + path).pathname, status, answer.headers.get('content-type') ?? '', bytes);
  }
}
