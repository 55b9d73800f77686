/**
 * The man pages, made of what the program and the reference configuration say themselves: rcptgate(1) of the command
 * table, rcptgate.toml(5) of config/rcptgate.toml. As a program it writes both into a folder:
 * `node scripts/man-pages.mjs FOLDER`, after a build.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ usage: string, summary: string, help: string }} Command */

const EXIT_CODES = [
  ['0', 'Yes: accepted, complete, fresh, valid, done.'],
  ['1', 'No, or the command failed.'],
  ['2', 'Wrong usage, or a configuration or an override with problems.'],
  ['3', 'The daemon cannot be reached.'],
  ['4', 'Could not tell: no address is rejected, but one is deferred.'],
];

const FILES = [
  ['/etc/rcptgate/rcptgate.toml', 'The configuration; see rcptgate.toml(5).'],
  ['/var/lib/rcptgate', 'The mirror of the tenant, the rejection log, and the control socket.'],
  [
    '/usr/share/doc/rcptgate/rcptgate.toml',
    'The reference configuration: every key with its default and its reason.',
  ],
];

/** rcptgate(1). @param {Readonly<Record<string, Command>>} commands @param {string} version @param {Date} date */
export function commandPage(commands, version, date) {
  const entries = Object.values(commands).flatMap(({ usage, summary, help }) => [
    '.TP',
    `.B ${roff(usage)}`,
    `${line(sentence(summary))}`,
    ...help.split('\n').flatMap((text) => (text.trim() === '' ? [] : [line(text.trim())])),
  ]);
  return page('RCPTGATE', '1', version, date, [
    '.SH NAME',
    'rcptgate \\- SMTP recipient validation for Microsoft 365',
    '.SH SYNOPSIS',
    '.B rcptgate',
    '.I command',
    '.RI [ argument ...]',
    '.RB [ \\-\\-json ]',
    '.RB [ \\-\\-config',
    '.IR FILE ]',
    '.SH DESCRIPTION',
    line(
      'rcptgate answers RCPT TO from a mirror of the recipients of a Microsoft 365 tenant, and relays accepted mail.',
    ),
    line(
      'The commands ask the running daemon over its control socket, whose file permissions decide who may ask.',
    ),
    '.SH COMMANDS',
    ...entries,
    '.SH EXIT STATUS',
    ...pairs(EXIT_CODES),
    '.SH FILES',
    ...pairs(FILES),
    '.SH SEE ALSO',
    '.BR rcptgate.toml (5),',
    '.BR journalctl (1),',
    '.BR systemctl (1)',
  ]);
}

/** rcptgate.toml(5). @param {string} toml the reference configuration @param {string} version @param {Date} date */
export function configPage(toml, version, date) {
  return page('RCPTGATE.TOML', '5', version, date, [
    '.SH NAME',
    'rcptgate.toml \\- configuration of rcptgate',
    '.SH DESCRIPTION',
    ...entriesOf(toml),
    '.SH SEE ALSO',
    '.BR rcptgate (1)',
  ]);
}

/** Comments stand before what they explain. @param {string} toml */
function entriesOf(toml) {
  /** @type {string[]} */
  const out = [];
  /** @type {string[]} */
  let comment = [];
  const flush = () => {
    const text = comment.map(line);
    comment = [];
    return text;
  };
  for (const text of toml.split('\n')) {
    const table = /^(?:# )?(\[+[a-z_.]+\]+)$/.exec(text)?.[1];
    const key = /^(# )?([a-z_]+) = (.*)$/.exec(text);
    if (table) out.push(`.SH "${roff(table)}"`, ...flush());
    else if (key)
      out.push('.TP', `.B ${roff(`${key[2]} = ${key[3]}`)}`, ...described(flush(), key[1] !== undefined));
    else if (text.startsWith('#')) comment.push(text.replace(/^# ?/, ''));
    else if (text === '' && comment.length > 0) out.push('.PP', ...flush());
  }
  return [...out, ...flush()];
}

/** @param {string[]} text @param {boolean} example */
function described(text, example) {
  return [
    ...text,
    ...(example ? ['(An example; there is no default.)'] : []),
    ...(text.length + Number(example) === 0 ? ['\\&'] : []),
  ];
}

/** @param {string[][]} entries */
function pairs(entries) {
  return entries.flatMap(([term = '', text = '']) => ['.TP', `.B ${roff(term)}`, line(text)]);
}

/** @param {string} name @param {string} section @param {string} version @param {Date} date @param {string[]} body */
function page(name, section, version, date, body) {
  const head = `.TH ${name} ${section} "${date.toISOString().slice(0, 10)}" "rcptgate ${version}" "rcptgate"`;
  return `${[head, '.nh', '.ad l', ...body].join('\n')}\n`;
}

/** A line of text that is no request. @param {string} text */
function line(text) {
  const escaped = roff(text);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** @param {string} text */
function roff(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll("'", '\\(aq')
    .replaceAll('…', '...')
    .replaceAll('→', '\\(->')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga');
}

/** @param {string} text */
function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

/** Writes both. @param {string} folder @param {string} version @param {Date} date */
export async function writeManPages(folder, version, date) {
  const root = new URL('..', import.meta.url);
  const { COMMANDS } = await import(new URL('dist/cli.js', root).href);
  const toml = readFileSync(new URL('config/rcptgate.toml', root), 'utf8');
  for (const [file, text] of [
    ['man1/rcptgate.1', commandPage(COMMANDS, version, date)],
    ['man5/rcptgate.toml.5', configPage(toml, version, date)],
  ]) {
    mkdirSync(path.join(folder, path.dirname(file ?? '')), { recursive: true });
    writeFileSync(path.join(folder, file ?? ''), text ?? '');
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  await writeManPages(process.argv[2] ?? 'man', version, new Date());
}
