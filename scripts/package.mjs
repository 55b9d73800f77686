/**
 * Builds the packages: rcptgate_VERSION_ARCH.deb and rcptgate-VERSION-ARCH.tar.gz with the same files, which need nothing
 * but a C++ library: Node.js itself, the compiled sources, the packages of the lock file that run, units, man pages.
 *
 *   node scripts/package.mjs [--out FOLDER] [--version VERSION] [--deb-only]
 *
 * Two builds of one state have the same bytes: file times are SOURCE_DATE_EPOCH (default: that of the last commit), order,
 * owners and modes are fixed. Needs dpkg-deb, tar and gzip; strip(1) makes it smaller.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeManPages } from './man-pages.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = path.join(ROOT, 'node_modules', '.cache', 'rcptgate-package');
/** Finds its files beside itself, so that they may lie in any folder. */
const LAUNCHER = `#!/bin/sh
bin=$(readlink -f "$0")
lib=\${bin%/bin/rcptgate}/lib/rcptgate
exec "$lib/node" --enable-source-maps "$lib/dist/main.js" "$@"
`;
/** Needed to install a package, not to run it. */
const INSTALLERS = new Set(['prebuild-install']);
/** Where shells look for what completes commands. */
const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/rcptgate',
  zsh: 'usr/share/zsh/vendor-completions/_rcptgate',
  fish: 'usr/share/fish/vendor_completions.d/rcptgate.fish',
};
/** Files of npm packages that do not run. */
const IDLE =
  /\.(?:[cm]?ts|map|md|markdown|flow|gyp)$|\/\.[^/]+$|\/(?:tests?|docs?|examples?|benchmarks?|\.github)\//i;
const LEGAL = /(?:licen[cs]e|notice|copying|copyright)[^/]*$/i;
/** The addon is one file; its sources and SQLite's are most of that package. */
const SQLITE = /^better-sqlite3\/(?:deps|src|build\/(?!Release\/better_sqlite3\.node$)(?!Release$))/;

const { values } = parseArgs({
  options: { out: { type: 'string' }, version: { type: 'string' }, 'deb-only': { type: 'boolean' } },
});
const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const version = values.version ?? manifest.version;
const out = path.resolve(values.out ?? path.join(ROOT, 'packages'));
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? lastCommit());
const arch = debianArch();

execFileSync(process.execPath, [path.join(ROOT, 'scripts', 'setup.mjs')], { stdio: 'inherit' });
fs.mkdirSync(CACHE, { recursive: true });
fs.mkdirSync(out, { recursive: true });
const stage = fs.mkdtempSync(path.join(CACHE, 'stage-'));
try {
  await fill(stage);
  smoke(stage);
  for (const file of [deb(stage), ...(values['deb-only'] ? [] : [tarball(stage)])])
    console.log(
      `${createHash('sha256').update(fs.readFileSync(file)).digest('hex')}  ${path.relative('.', file)}`,
    );
} finally {
  fs.rmSync(stage, { recursive: true, force: true });
}

/** Every file in its place. @param {string} to */
async function fill(to) {
  const lib = path.join(to, 'usr/lib/rcptgate');
  fs.mkdirSync(lib, { recursive: true });
  fs.copyFileSync(stripped(process.execPath), path.join(lib, 'node'));
  fs.cpSync(path.join(ROOT, 'dist'), path.join(lib, 'dist'), {
    recursive: true,
    filter: (file) => !path.basename(file).startsWith('.'),
  });
  const { name, type, license } = manifest;
  put(to, 'usr/lib/rcptgate/package.json', `${JSON.stringify({ name, version, type, license })}\n`);
  for (const location of running()) copyPackage(location, path.join(lib, location));
  put(to, 'usr/bin/rcptgate', LAUNCHER);
  for (const unit of fs
    .readdirSync(path.join(ROOT, 'systemd'))
    .filter((file) => /\.(?:service|socket)$/.test(file)))
    copy(`systemd/${unit}`, to, `usr/lib/systemd/system/${unit}`);
  copy('systemd/rcptgate.sysusers', to, 'usr/lib/sysusers.d/rcptgate.conf');
  copy('scripts/debian/rcptgate.toml', to, 'etc/rcptgate/rcptgate.toml');
  const doc = 'usr/share/doc/rcptgate';
  for (const file of ['README.md', 'CHANGELOG.md', 'SECURITY.md']) copy(file, to, `${doc}/${file}`);
  copy('LICENSE', to, `${doc}/copyright`);
  copyConfig(to, doc);
  const node = ['/usr/share/doc/nodejs/LICENSE', path.resolve(process.execPath, '../../LICENSE')];
  const licence = node.find((file) => fs.existsSync(file));
  if (licence) put(to, `${doc}/LICENSE.node`, fs.readFileSync(licence));
  await writeManPages(path.join(to, 'usr/share/man'), version, new Date(epoch * 1000));
  for (const [shell, file] of Object.entries(COMPLETIONS)) put(to, file, completion(shell));
  settle(to);
}

/** @param {string} shell */
function completion(shell) {
  return execFileSync(process.execPath, [path.join(ROOT, 'dist/main.js'), 'completion', shell]);
}

/** The reference configuration and what goes with it; a logrotate file works where it lies. @param {string} to @param {string} doc */
function copyConfig(to, doc) {
  const config = path.join(ROOT, 'config');
  fs.cpSync(config, path.join(to, doc), {
    recursive: true,
    filter: (file) => !file.endsWith('config/README.md'),
  });
  const rotate = path.join(config, 'rcptgate.logrotate');
  if (fs.existsSync(rotate)) put(to, 'etc/logrotate.d/rcptgate', fs.readFileSync(rotate));
}

/** @param {string} location as in the lock file @param {string} to */
function copyPackage(location, to) {
  const from = path.join(ROOT, location);
  const within = location.slice('node_modules/'.length);
  fs.cpSync(from, to, {
    recursive: true,
    filter(file) {
      const name = file.slice(from.length);
      if (name.startsWith('/node_modules') || SQLITE.test(within + name)) return false;
      return fs.statSync(file).isDirectory() || LEGAL.test(name) || !IDLE.test(name);
    },
  });
  const addon = path.join(to, 'build/Release/better_sqlite3.node');
  if (fs.existsSync(addon))
    fs.copyFileSync(stripped(path.join(from, 'build/Release/better_sqlite3.node')), addon);
}

/** The packages that run, as `npm ci --omit=dev` would install them, without those that only install others. */
function running() {
  const { packages } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  const found = new Set();
  const walk = (/** @type {string} */ from) => {
    const { dependencies = {}, optionalDependencies = {} } = packages[from];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const location = nearest(packages, from, name);
      if (INSTALLERS.has(name) || location === null || found.has(location)) continue;
      if (!fs.existsSync(path.join(ROOT, location))) continue;
      found.add(location);
      walk(location);
    }
  };
  walk('');
  return [...found].sort();
}

/** Where `name` is found from a package, as Node.js looks for it. @param {Record<string, unknown>} packages @param {string} from @param {string} name */
function nearest(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const location = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[location]) return location;
    if (at === '') return null;
  }
}

/** A binary without its symbols, made once. Without strip(1) the file itself. @param {string} file */
function stripped(file) {
  const hash = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  const target = path.join(CACHE, `${path.basename(file)}-${hash.slice(0, 32)}`);
  if (fs.existsSync(target)) return target;
  const temporary = `${target}.${process.pid}`;
  const { status } = spawnSync('strip', ['--strip-unneeded', '-o', temporary, file]);
  if (status !== 0) {
    console.log('strip(1) is missing or failed: the package gets larger.');
    return file;
  }
  fs.renameSync(temporary, target);
  return target;
}

/** The same times and modes whoever builds, in whatever folder. @param {string} folder */
function settle(folder) {
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).reverse()) {
    const file = path.join(folder, name);
    const program =
      /(?:^|\/)(?:usr\/bin\/rcptgate|usr\/lib\/rcptgate\/node|DEBIAN\/(?:post|pre)(?:inst|rm))$/.test(file);
    fs.chmodSync(file, fs.statSync(file).isDirectory() || program ? 0o755 : 0o644);
    fs.utimesSync(file, epoch, epoch);
  }
  fs.chmodSync(folder, 0o755);
  fs.utimesSync(folder, epoch, epoch);
}

/** The staged program loads what it needs: nothing was pruned that runs. @param {string} from */
function smoke(from) {
  const lib = path.join(from, 'usr/lib/rcptgate');
  const modules = ['app', 'console/serve', 'rehearsal', 'service', 'mirror/mirror', 'graph/tokens'];
  const script = modules.map((name) => `await import(${JSON.stringify(`${lib}/dist/${name}.js`)});`).join('');
  execFileSync(path.join(lib, 'node'), ['--input-type=module', '-e', script], { stdio: 'inherit' });
}

/** @param {string} from */
function deb(from) {
  const kilobytes = Math.ceil(sizeOf(from) / 1024);
  const control = `Package: rcptgate
Version: ${version}
Architecture: ${arch}
Maintainer: rcptgate <postmaster@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= ${newestGlibc(path.join(from, 'usr/lib/rcptgate'))}), libstdc++6, libgcc-s1, ca-certificates, systemd (>= 247), init-system-helpers
Section: mail
Priority: optional
Description: SMTP recipient validation for Microsoft 365
 Answers RCPT TO from a mirror of the recipients of a Microsoft 365 tenant,
 and passes accepted mail on to the next hop. Node.js is included.
`;
  const debian = path.join(from, 'DEBIAN');
  fs.mkdirSync(debian);
  fs.writeFileSync(path.join(debian, 'control'), control);
  const conffiles = ['etc/rcptgate/rcptgate.toml', 'etc/logrotate.d/rcptgate'];
  const there = conffiles.filter((file) => fs.existsSync(path.join(from, file)));
  fs.writeFileSync(path.join(debian, 'conffiles'), there.map((file) => `/${file}\n`).join(''));
  for (const script of ['postinst', 'prerm', 'postrm']) copy(`scripts/debian/${script}`, debian, script);
  settle(from);
  const file = path.join(out, `rcptgate_${version}_${arch}.deb`);
  execFileSync(
    'dpkg-deb',
    ['--root-owner-group', '-Zzstd', '-z3', '--threads-max=1', '--build', from, file],
    {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    },
  );
  fs.rmSync(debian, { recursive: true });
  return file;
}

/** @param {string} from */
function tarball(from) {
  const name = `rcptgate-${version}-${arch}`;
  const file = path.join(out, `${name}.tar`);
  settle(from);
  const owners = [
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=gnu',
    '--sort=name',
    `--mtime=@${epoch}`,
  ];
  execFileSync('tar', [...owners, `--transform=s,^\\.,${name},`, '-C', from, '-cf', file, '.']);
  execFileSync('gzip', ['-nf6', file]);
  return `${file}.gz`;
}

/** The newest version of the C library that a binary asks for. @param {string} lib */
function newestGlibc(lib) {
  const files = ['node', 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'];
  const minors = files.flatMap((file) =>
    [...fs.readFileSync(path.join(lib, file), 'latin1').matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) =>
      Number(minor),
    ),
  );
  return `2.${Math.max(17, ...minors)}`;
}

/** @param {string} folder */
function sizeOf(folder) {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .reduce((sum, name) => sum + fs.lstatSync(path.join(folder, name)).size, 0);
}

/** @param {string} from within the repository @param {string} to @param {string} name */
function copy(from, to, name) {
  put(to, name, fs.readFileSync(path.join(ROOT, from)));
}

/** @param {string} to @param {string} name @param {string | Buffer} content */
function put(to, name, content) {
  fs.mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
  fs.writeFileSync(path.join(to, name), content);
}

/** Seconds since 1970 of the last commit; a fixed day outside of a checkout. */
function lastCommit() {
  const { status, stdout } = spawnSync('git', ['-C', ROOT, 'log', '-1', '--format=%ct'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : '1735689600';
}

function debianArch() {
  return { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;
}
