/** OData query options as directory objects support them (OData 4.0 URL conventions section 5.1; Graph query parameters). */
import type { StreamName } from '../core/recipient.ts';
import { GraphProblem } from './graph-error.ts';
import { KNOWN_PROPERTIES, TYPE_NAMES } from './objects.ts';
import type { Call } from './reply.ts';

/** The options of one request; names are matched in any case. */
export interface QueryOptions {
  readonly select: readonly string[] | null;
  readonly filter: string | null;
  readonly top: number | null;
  readonly count: boolean;
  readonly skipToken: string | null;
  readonly deltaToken: string | null;
  /** Names of the options that were given, lower-cased. */
  readonly given: ReadonlySet<string>;
}

/** Reads the options of a request about a stream; refuses properties that its type does not have. */
export function queryOf(call: Call, stream: StreamName): QueryOptions {
  const options = new Map<string, string>();
  for (const [name, value] of call.url.searchParams) options.set(name.toLowerCase(), value);
  const top = options.get('$top');
  return {
    select: selected(options.get('$select'), stream),
    filter: options.get('$filter') ?? null,
    top: top === undefined ? null : pageSize(top),
    count: options.get('$count') === 'true' && call.headers.consistencylevel === 'eventual',
    skipToken: options.get('$skiptoken') ?? null,
    deltaToken: options.get('$deltatoken') ?? null,
    given: new Set(options.keys()),
  };
}

/** Refuses a request that uses any of the options. */
export function refuseOptions(query: QueryOptions, names: readonly string[]): void {
  for (const name of names) {
    if (query.given.has(name)) {
      throw new GraphProblem(400, 'Request_UnsupportedQuery', `Unsupported query option '${name}'.`);
    }
  }
}

function selected(text: string | undefined, stream: StreamName): readonly string[] | null {
  if (text === undefined || text.trim() === '') return null;
  const names = text.split(',').map((name) => name.trim().replace(/^microsoft\.graph\.\w+\//, ''));
  for (const name of names) {
    if (!KNOWN_PROPERTIES[stream].has(name)) {
      const type = `microsoft.graph.${TYPE_NAMES[stream]}`;
      throw new GraphProblem(
        400,
        'BadRequest',
        `Could not find a property named '${name}' on type '${type}'.`,
      );
    }
  }
  return names;
}

function pageSize(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= 999) return size;
  const message = `Invalid page size specified: '${text}'. Must be between 1 and 999 inclusive.`;
  throw new GraphProblem(400, 'Request_UnsupportedQuery', message);
}
