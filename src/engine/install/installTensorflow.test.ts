// The installer against stand-ins for Python, npm and the compiler: what it asks of them, and what it leaves behind.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FourfoldError } from '../../core/errors.ts';
import { processorFeatures, sourcesFingerprint, whyWithoutKernels } from './compileKernels.ts';
import { fourfoldHome, readInstallation, tensorflowFolder } from './installation.ts';
import { type InstallOptions, installTensorflow, removeTensorflow } from './installTensorflow.ts';
import { findProgram } from './prerequisites.ts';

let root: string;
let programs: string;
let home: string;

/** Puts a shell script on the PATH of the test. */
function script(name: string, body: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

/** Programs of the machine that the stand-ins and the installer need. */
const REAL = ['tar', 'gzip', 'sh', 'mkdir', 'touch', 'cp', 'sleep', 'echo', 'cat'];

const PYTHON = `
case "$2" in pip) ;; *) exit 9;; esac
[ "$3" = --version ] && { echo pip 99; exit 0; }
[ -n "$FAIL_PIP" ] && { echo 'ERROR: No matching distribution found' >&2; exit 1; }
[ -n "$SLOW_PIP" ] && { touch "$SLOW_PIP"; sleep 20; }
mkdir -p "$5/tensorflow/include/tensorflow/c/eager" "$5/tensorflow/python" "$5/numpy"
touch "$5/tensorflow/libtensorflow_cc.so.2" "$5/tensorflow/libtensorflow_framework.so.2"
touch "$5/tensorflow/include/tensorflow/c/eager/c_api.h" "$5/tensorflow/python/x.py"
`;
const NPM = `
mkdir -p made/package/dist made/package/binding
touch made/package/package.json made/package/dist/index.js made/package/binding/tfjs_backend.cc
tar -czf "$4/made.tgz" -C made package
`;
const COMPILER = `
[ "$1" = --version ] && { echo 'cc 1.0'; exit 0; }
[ -n "$FAIL_COMPILER" ] && { echo 'fatal error: no such thing' >&2; exit 1; }
[ -n "$FAIL_KERNELS" ] && case "$*" in *kernels.node*) echo 'error: bad value for -march' >&2; exit 1;; esac
case "$*" in *hush*) ;; *) echo "$@" >> "$ARGUMENTS";; esac
while [ "$1" != -o ]; do shift; done
touch "$2"
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fourfold-install-'));
  programs = join(root, 'bin');
  home = join(root, 'home');
  mkdirSync(programs);
  for (const name of REAL) {
    const real = findProgram([name], process.env);
    if (real !== null) symlinkSync(real, join(programs, name));
  }
  script('python3', PYTHON);
  script('npm', NPM);
  script('c++', COMPILER);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function options(more: Partial<InstallOptions> & { variables?: Record<string, string> } = {}): InstallOptions {
  const { variables = {}, ...rest } = more;
  const env = { PATH: programs, HOME: root, ARGUMENTS: join(root, 'arguments'), ...variables };
  return { home, env, cuda: false, libtensorflow: null, python: null, verify: async () => '9.9.9', ...rest };
}

/** The error that an installation ends with; nothing of it may be left. */
async function failure(given: InstallOptions): Promise<FourfoldError> {
  const error: unknown = await installTensorflow(given).then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(FourfoldError);
  expect(existsSync(tensorflowFolder(home))).toBe(false);
  expect(existsSync(home) ? readdirSync(home) : []).toEqual([]);
  return error as FourfoldError;
}

test('installs the wheel, keeps only what runs, and says what it made; a second time it is there already', async () => {
  const steps: string[] = [];
  let checked = '';
  const verify = async (staged: string): Promise<string> => {
    checked = staged;
    expect(readInstallation(tensorflowFolder(staged))).not.toBeNull();
    return '9.9.9';
  };
  const given = options({ verify, onStep: (_step, words) => steps.push(words) });
  const { installation, isNew } = await installTensorflow(given);
  expect(isNew).toBe(true);
  expect(installation).toMatchObject({
    tensorflow: '9.9.9',
    source: expect.stringMatching(/^tensorflow.* from PyPI$/),
  });
  expect(installation.tfjsNode.integrity).toMatch(/^sha512-/);
  const folder = tensorflowFolder(home);
  expect(readInstallation(folder)).toEqual(installation);
  expect(readdirSync(join(folder, 'site'))).toEqual(['tensorflow']);
  expect(readdirSync(join(folder, 'site', 'tensorflow')).sort()).toEqual([
    'libtensorflow_cc.so.2',
    'libtensorflow_framework.so.2',
  ]);
  expect(existsSync(join(folder, installation.binding))).toBe(true);
  expect(checked).not.toBe(home);
  expect(readdirSync(home)).toEqual(['engine']);
  expect(steps[0]).toMatch(/^downloading tensorflow/);
  // Found relative to the binding, since both move together.
  expect(readFileSync(join(root, 'arguments'), 'utf8')).toMatch(
    /-DNAPI_VERSION=8 .*-rpath,(\$ORIGIN|@loader_path)\/\.\.\/site\/tensorflow/,
  );

  // The kernels, for this very processor.
  expect(readFileSync(join(root, 'arguments'), 'utf8')).toMatch(/-march=native .*products\.cc .*-o \S*kernels\.node/);
  expect(existsSync(join(folder, 'binding', 'kernels.node'))).toBe(true);
  expect(installation.kernels).toEqual({ processor: processorFeatures(), sources: sourcesFingerprint() });

  const again = await installTensorflow(options({ verify: () => Promise.reject(new Error('not asked again')) }));
  expect(again).toEqual({ installation, isNew: false });
});

test('where our own kernels do not compile, the rest is installed and the compiler’s words are kept', async () => {
  const { installation } = await installTensorflow(options({ variables: { FAIL_KERNELS: '1' } }));
  expect(installation.kernels).toEqual({ refused: 'error: bad value for -march' });
  expect(readInstallation(tensorflowFolder(home))).toEqual(installation);
});

test('an installation by an earlier version, which had no kernels, is read as before and left alone', async () => {
  const { installation } = await installTensorflow(options());
  const { kernels: _, ...earlier } = installation;
  writeFileSync(join(tensorflowFolder(home), 'installation.json'), JSON.stringify(earlier));
  expect(await installTensorflow(options())).toEqual({ installation: earlier, isNew: false });
});

test('kernels are loaded where they are of this version and the processor can do all of them; else the reason is one line', () => {
  const sources = sourcesFingerprint();
  expect(whyWithoutKernels({ processor: ['avx', 'fma'], sources }, ['avx', 'avx2', 'fma'], sources)).toBeNull();
  expect(whyWithoutKernels({ processor: ['avx512f', 'fma'], sources }, ['avx', 'fma'], sources)).toMatch(
    /one with avx512f\)\. Run fourfold/,
  );
  for (const other of [{}, { sources: 'other' }]) {
    expect(whyWithoutKernels({ processor: ['avx'], ...other }, ['avx'], sources)).toMatch(
      /^another version of fourfold/,
    );
  }
  expect(whyWithoutKernels({ refused: 'in file x:\nerror: no such option' }, [], sources)).toBe(
    'they did not compile (error: no such option)',
  );
  expect(whyWithoutKernels(undefined, [], sources)).toMatch(/^an earlier version .*engine remove tensorflow/);
  expect(processorFeatures().length).toBeGreaterThan(0);
});

test('another source than the installed one is refused until that is removed', async () => {
  await installTensorflow(options());
  await expect(installTensorflow(options({ cuda: true }))).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('fourfold engine remove tensorflow'),
  });
  expect(removeTensorflow(home)).toBe(true);
  expect(removeTensorflow(home)).toBe(false);
  expect((await installTensorflow(options({ cuda: true }))).installation.source).toBe('tensorflow[and-cuda] from PyPI');
});

test('everything that is missing is named at once, and nothing is downloaded', async () => {
  for (const name of ['python3', 'c++', 'npm']) rmSync(join(programs, name));
  const error = await failure(options());
  expect(error.code).toBe('unsupported');
  for (const part of ['Python 3', 'C++ compiler', 'npm', 'Nothing was downloaded'])
    expect(error.message).toContain(part);
});

test('a Python without pip, and one that is not where --python says, are named with the remedy', async () => {
  script('python3', 'exit 1');
  expect((await failure(options())).message).toMatch(/pip for .*python3 .*ensurepip/);
  expect((await failure(options({ python: '/nowhere/python' }))).message).toContain('a Python at /nowhere/python');
});

test.each([
  ['pip', { FAIL_PIP: '1' }, 'server-failed', /No matching distribution found\n.*--python/],
  ['the compiler', { FAIL_COMPILER: '1' }, 'unsupported', /fatal error: no such thing\n.*CXX/],
])('where %s fails, its own words are in the error and nothing is left', async (_, variables, code, words) => {
  const error = await failure(options({ variables: variables as Record<string, string> }));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(words);
});

test('a library that computes wrongly is not installed', async () => {
  const verify = () => Promise.reject(new FourfoldError('unsupported', 'got 7'));
  expect((await failure(options({ verify }))).message).toBe('got 7');
});

test('an installation that is interrupted stops pip and leaves nothing', async () => {
  const started = join(root, 'started');
  const controller = new AbortController();
  const waiting = setInterval(() => existsSync(started) && controller.abort(), 20);
  const begun = Date.now();
  const error = await failure(options({ variables: { SLOW_PIP: started }, signal: controller.signal }));
  clearInterval(waiting);
  expect(error.code).toBe('interrupted');
  expect(Date.now() - begun).toBeLessThan(10_000);
});

test('what an installation that was killed has left is swept away by the next; one that runs is let be', async () => {
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  mkdirSync(join(home, `staging-${ended}`, 'engine'), { recursive: true });
  mkdirSync(join(home, `staging-${process.ppid}`), { recursive: true });
  await installTensorflow(options());
  expect(readdirSync(home).sort()).toEqual(['engine', `staging-${process.ppid}`]);
});

test('a folder that is given is used where it is; one without library or headers is refused by what it lacks', async () => {
  const library = join(root, 'library');
  mkdirSync(join(library, 'lib'), { recursive: true });
  const wrong = await failure(options({ libtensorflow: library }));
  expect(wrong.message).toMatch(/there is no library .* and no C headers/);
  writeFileSync(join(library, 'lib', 'libtensorflow.so.2'), '');
  expect((await failure(options({ libtensorflow: library }))).message).toContain('C headers');
  mkdirSync(join(library, 'include', 'tensorflow', 'c', 'eager'), { recursive: true });
  writeFileSync(join(library, 'include', 'tensorflow', 'c', 'eager', 'c_api.h'), '');
  rmSync(join(programs, 'python3'));
  const { installation } = await installTensorflow(options({ libtensorflow: library }));
  expect(installation.source).toBe(library);
  expect(readFileSync(join(root, 'arguments'), 'utf8')).toContain(`-rpath,${join(library, 'lib')}`);
});

test('a disk without room is said with both figures, and a home that is a file by what it is', async () => {
  const { findPrerequisites } = await import('./prerequisites.ts');
  const needs = { env: options().env, home, python: null, usesPip: true, usesNpm: true, bytes: 2 ** 60 };
  await expect(findPrerequisites(needs)).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringMatching(/Expected \d+ MiB free .* got \d+ MiB.*FOURFOLD_HOME/),
  });
  rmSync(home, { recursive: true });
  writeFileSync(home, '');
  await expect(installTensorflow(options())).rejects.toMatchObject({ code: 'storage-failed' });
});

test('the home is FOURFOLD_HOME, else within XDG_DATA_HOME, else within the user’s own folder; only absolute ones count', () => {
  expect(fourfoldHome({ FOURFOLD_HOME: '/a', XDG_DATA_HOME: '/b', HOME: '/c' })).toBe('/a');
  expect(fourfoldHome({ FOURFOLD_HOME: 'a', XDG_DATA_HOME: '/b', HOME: '/c' })).toBe('/b/fourfold');
  expect(fourfoldHome({ XDG_DATA_HOME: 'b', HOME: '/c' })).toBe('/c/.local/share/fourfold');
});

test('a description that is broken is an error with the way out', () => {
  const folder = tensorflowFolder(home);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'installation.json'), '{"format": 1}');
  expect(() => readInstallation(folder)).toThrow('fourfold engine remove tensorflow');
});
