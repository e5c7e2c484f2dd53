// Adds to package-lock.json the optional platform packages that a partial registry mirror did not list, so
// that `npm ci` accepts the lock on every platform. Each entry has version, os and cpu, which is what npm reads
// to skip it elsewhere; npm fills in the rest on the platform that installs it.
// Usage: npm install --package-lock-only && node scripts/complete-lock.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const LOCK = 'package-lock.json';
const PLATFORM =
  /(?:^|[-/])(android|darwin|linux|win32|freebsd|openharmony|netbsd|openbsd|sunos|aix)-(arm64|x64|arm|ia32|ppc64|s390x|riscv64|loong64)(?:-(gnu|musl|msvc|eabi|gnueabihf|musleabihf))?$/;

const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    const platform = PLATFORM.exec(name);
    if (lock.packages[key] || lock.packages[`${path}/${key}`] || !platform || !/^\d/.test(version)) continue;
    const [, os, cpu, abi] = platform;
    lock.packages[key] = {
      version,
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(os === 'linux' && (abi === 'gnu' || abi === 'musl') ? { libc: [abi === 'gnu' ? 'glibc' : 'musl'] } : {}),
      optional: true,
      os: [os],
    };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} platform packages added to ${LOCK}`);
