/**
 * Makes a bare clone runnable: installs the packages and compiles the sources, each only when something changed.
 * `npm start` and `npm test` call it first. Plain JavaScript without packages, because none are installed yet.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const installStamp = path.join(root, 'node_modules', '.rcptgate-installed');
const buildStamp = path.join(root, 'dist', '.rcptgate-built');

requireNode(20, 19);
install();
requireSqlite();
build();

/** @param {number} major @param {number} minor */
function requireNode(major, minor) {
  const [haveMajor = 0, haveMinor = 0] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  fail(
    `rcptgate needs Node.js ${major}.${minor} or newer; this is ${process.version} (${process.execPath}).`,
  );
}

/** Installs from the lock file, again when it or the Node ABI (which the SQLite addon is compiled for) changed. */
function install() {
  const wanted = digest([path.join(root, 'package-lock.json')], process.versions.modules);
  if (stamp(installStamp) === wanted) return;
  console.log('Installing packages (the SQLite addon may be compiled: one to two minutes) …');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  run(npm ? process.execPath : 'npm', npm ? [npm, ...args] : args, 'The packages could not be installed.');
  writeFileSync(installStamp, wanted);
}

/** npm may skip the addon's compile step and still succeed, so it is tried before anything relies on it. */
function requireSqlite() {
  try {
    const Database = createRequire(path.join(root, 'package.json'))('better-sqlite3');
    new Database(':memory:').close();
  } catch (error) {
    rmSync(installStamp, { force: true });
    fail(
      `better-sqlite3 does not load: ${error instanceof Error ? error.message : error}\n` +
        'It is compiled during installation and needs python3, make and g++. Install them and run this again.',
    );
  }
}

function build() {
  const sources = [...filesBelow(path.join(root, 'src')), path.join(root, 'tsconfig.build.json')];
  const wanted = digest([...sources, path.join(root, 'tsconfig.json'), path.join(root, 'package-lock.json')]);
  if (stamp(buildStamp) === wanted) return;
  console.log('Compiling …');
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], 'The sources do not compile.');
  const assets = path.join('console', 'assets');
  cpSync(path.join(root, 'src', assets), path.join(root, 'dist', assets), { recursive: true });
  writeFileSync(buildStamp, wanted);
}

/** @param {string} command @param {string[]} args @param {string} whatFailed */
function run(command, args, whatFailed) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) fail(`${whatFailed} (${command} ${args.join(' ')})`);
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/** @param {string} file */
function stamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** @param {string[]} files @param {string} salt */
function digest(files, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const file of files.sort()) hash.update(path.relative(root, file)).update(readFileSync(file));
  return hash.digest('hex');
}

/** @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((name) => statSync(name).isFile());
}
