/**
 * The part of `$filter` (OData 4.0 URL conventions section 5.1.1) that a lookup needs: `eq` on a property,
 * `proxyAddresses/any(x:x eq '…')`, `and`, `or`, parentheses. Strings are compared in any case, and `''` is one quote.
 */
import { GraphProblem } from './graph-error.ts';
import type { PracticeObject } from './objects.ts';
import { propertyOf } from './objects.ts';

export interface Filter {
  matches(object: PracticeObject): boolean;
  /** Texts of which every match holds at least one; null when the filter names none and all must be read. */
  readonly keys: readonly string[] | null;
  /** How many comparisons it makes. */
  readonly terms: number;
}

interface Reader {
  peek(): string | undefined;
  take(): string;
}

const TOKEN = /\s*('(?:[^']|'')*'|[A-Za-z_][\w.]*(?:\/[A-Za-z_]\w*)*|\d+|[():,])/gy;
const COMPARABLE = ['id', 'mail', 'userPrincipalName', 'mailNickname', 'displayName', 'userType'];
const KEYED = ['id', 'mail', 'userPrincipalName'];

/** Reads a filter, or throws what Graph answers. */
export function parseFilter(text: string): Filter {
  const reader = readerOf(tokensOf(text));
  const filter = either(reader);
  if (reader.peek() !== undefined) throw invalid(text);
  return filter;
}

function either(reader: Reader): Filter {
  let left = both(reader);
  while (reader.peek()?.toLowerCase() === 'or') {
    reader.take();
    const [a, b] = [left, both(reader)];
    const keys = a.keys === null || b.keys === null ? null : [...a.keys, ...b.keys];
    left = { keys, terms: a.terms + b.terms, matches: (object) => a.matches(object) || b.matches(object) };
  }
  return left;
}

function both(reader: Reader): Filter {
  let left = term(reader);
  while (reader.peek()?.toLowerCase() === 'and') {
    reader.take();
    const [a, b] = [left, term(reader)];
    const matches = (object: PracticeObject): boolean => a.matches(object) && b.matches(object);
    left = { keys: a.keys ?? b.keys, terms: a.terms + b.terms, matches };
  }
  return left;
}

function term(reader: Reader): Filter {
  const name = reader.take();
  if (name === '(') {
    const inner = either(reader);
    expect(reader, ')');
    return inner;
  }
  if (name === 'proxyAddresses/any') return anyAddress(reader);
  expect(reader, 'eq');
  return comparison(name, reader.take());
}

function anyAddress(reader: Reader): Filter {
  expect(reader, '(');
  const variable = reader.take();
  expect(reader, ':');
  const wanted = new Set<string>();
  do {
    expect(reader, variable);
    expect(reader, 'eq');
    wanted.add(literal(reader.take()).toLowerCase());
  } while (reader.peek()?.toLowerCase() === 'or' && reader.take());
  expect(reader, ')');
  const matches = ({ fields }: PracticeObject): boolean =>
    (fields.proxyAddresses ?? []).some((entry) => wanted.has(entry.toLowerCase()));
  return { matches, keys: [...wanted], terms: wanted.size };
}

function comparison(name: string, value: string): Filter {
  const flag = value === 'true' || value === 'false' ? value === 'true' : null;
  if (flag !== null) return { matches: (object) => propertyOf(object, name) === flag, keys: null, terms: 1 };
  if (!COMPARABLE.includes(name)) throw unsupported(name);
  const wanted = literal(value).toLowerCase();
  const matches = (object: PracticeObject): boolean =>
    String(propertyOf(object, name) ?? '').toLowerCase() === wanted;
  return { matches, keys: KEYED.includes(name) ? [wanted] : null, terms: 1 };
}

function literal(token: string): string {
  if (!token.startsWith("'")) throw invalid(token);
  return token.slice(1, -1).replaceAll("''", "'");
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw invalid(text);
    tokens.push(token);
  }
  return tokens;
}

function readerOf(tokens: readonly string[]): Reader {
  let next = 0;
  return { peek: () => tokens[next], take: () => tokens[next++] ?? fail() };
}

function fail(): never {
  throw invalid('');
}

function expect(reader: Reader, token: string): void {
  const found = reader.take();
  if (found.toLowerCase() !== token.toLowerCase()) throw invalid(found);
}

function invalid(near: string): GraphProblem {
  return new GraphProblem(400, 'Request_BadRequest', `Invalid filter clause: syntax error near '${near}'.`);
}

function unsupported(name: string): GraphProblem {
  return new GraphProblem(
    400,
    'Request_UnsupportedQuery',
    `Unsupported or invalid query filter clause specified for property '${name}'.`,
  );
}
