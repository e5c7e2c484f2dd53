import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { backendOption } from '../core/backendName.ts';
import { FourfoldError } from '../core/errors.ts';
import { defineCommand } from './command.ts';
import type { TableEntry } from './commandTable.ts';
import { FakeProcess, type Harness, makeHarness } from './testing/harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await makeHarness();
});
afterEach(() => harness.remove());

const Config = z.strictObject({
  model: z.string().min(1).describe('Model to use'),
  learningRate: z.number().gt(0).default(0.1).describe('Step size'),
  maxSteps: z.int().min(1).default(10),
  shuffle: z.boolean().default(true),
  mode: z.enum(['fast', 'exact']).default('fast'),
  layers: z.array(z.int()).default([]),
  names: z.array(z.string()).default([]),
  kl: z.union([z.number(), z.literal('adaptive')]).default('adaptive'),
  note: z.string().nullable().default(null),
  sampling: z.strictObject({ topK: z.int().default(0), topP: z.number().default(1) }).prefault({}),
  free: z.record(z.string(), z.unknown()).default({}),
  backend: backendOption,
});

const echo = defineCommand({
  name: 'echo',
  describe: 'Prints its configuration',
  config: Config,
  positionals: ['model', 'names'],
  run: async ({ config, print }) => print(JSON.stringify(config)),
});

const entry = (command: ReturnType<typeof defineCommand>): TableEntry => ({
  name: command.name,
  describe: command.describe,
  load: async () => ({ command }),
});
const table = [entry(echo)];

const resolved = async (...argv: string[]) => {
  const { status, stdout, stderr } = await harness.run(['echo', ...argv], { table });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
};
const refused = async (...argv: string[]) => {
  const { status, stdout, stderr } = await harness.run(['echo', ...argv], { table });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  return stderr;
};
const file = async (value: unknown) => {
  await writeFile(join(harness.cwd, 'config.json'), typeof value === 'string' ? value : JSON.stringify(value));
  return ['--config', 'config.json'];
};

describe('layers of the configuration', () => {
  test('defaults fill in what nobody gave', async () => {
    expect(await resolved('--model', 'm')).toEqual({
      model: 'm',
      learningRate: 0.1,
      maxSteps: 10,
      shuffle: true,
      mode: 'fast',
      layers: [],
      names: [],
      kl: 'adaptive',
      note: null,
      sampling: { topK: 0, topP: 1 },
      free: {},
      backend: 'auto',
    });
  });

  test('a flag wins over --set, --set over the file, the file over the default', async () => {
    const layers = await file({ model: 'file', maxSteps: 1, learningRate: 1, mode: 'exact' });
    const got = await resolved(...layers, '--set', 'maxSteps=2', '--set', 'learningRate=2', '--learning-rate', '3');
    expect(got).toMatchObject({ model: 'file', mode: 'exact', maxSteps: 2, learningRate: 3, shuffle: true });
  });

  test('nested keys of file and --set are merged, not replaced', async () => {
    const layers = await file({ model: 'm', sampling: { topK: 5 }, free: { a: { b: 1 } } });
    const got = await resolved(...layers, '--set', 'sampling.topP=0.5', '--set', 'free.a.c=[1,"x"]');
    expect(got.sampling).toEqual({ topK: 5, topP: 0.5 });
    expect(got.free).toEqual({ a: { b: 1, c: [1, 'x'] } });
  });

  test('--set reads JSON where it is JSON, and text where only text fits', async () => {
    const got = await resolved('--set', 'model=007', '--set', 'kl=0.25', '--set', 'layers=[1,2]', '--set', 'note=a=b');
    expect(got).toMatchObject({ model: '007', kl: 0.25, layers: [1, 2], note: 'a=b' });
    expect(await resolved('--set', 'model=m', '--set', 'note=null')).toMatchObject({ note: null });
  });
});

describe('flags', () => {
  test('take each type: number, negative form of a switch, choice, list, text or number', async () => {
    const got = await resolved(
      ...['--model', 'm', '--learning-rate', '1e-3', '--no-shuffle', '--mode=exact'],
      ...['--layers', '1,2', '--layers', '3', '--kl', '0.5', '--note', '12', '--backend', 'cpu'],
    );
    expect(got).toMatchObject({ learningRate: 1e-3, shuffle: false, mode: 'exact', layers: [1, 2, 3], kl: 0.5 });
    expect(got).toMatchObject({ note: '12', backend: 'cpu' });
    expect(await resolved('--model', 'm', '--kl', 'adaptive')).toMatchObject({ kl: 'adaptive' });
  });

  test('an empty text is a value, and the last of several wins', async () => {
    expect(await resolved('--model', 'm', '--note', '')).toMatchObject({ note: '' });
    expect(await resolved('--model', 'a', '--model', 'b')).toMatchObject({ model: 'b' });
  });

  test('words fill the positional keys, a list taking the rest', async () => {
    expect(await resolved('m', 'x', 'y')).toMatchObject({ model: 'm', names: ['x', 'y'] });
  });

  test('a value that starts with a dash is written with an equals sign', async () => {
    expect(await resolved('--model=--json')).toMatchObject({ model: '--json' });
    expect(await refused('--model', '--shuffle')).toContain('--model: expected a value after it');
  });
});

describe('refusals name the option', () => {
  test.each([
    [['--model', 'm', '--max-step', '1'], 'Unknown option --max-step. Did you mean --max-steps?'],
    [['--model', 'm', '--maxSteps', '1'], 'Unknown option --maxSteps. Did you mean --max-steps?'],
    [['--model', 'm', '--set', 'maxStep=1'], '--set: unknown key maxStep. Did you mean maxSteps?'],
    [['--model', 'm', '--set', 'sampling.topQ=1'], '--set: unknown key sampling.topQ. Did you mean sampling.topK?'],
    [['--model', 'm', '--set', 'sampling={"top":1}'], '--set: unknown key sampling.top.'],
    [['--model', 'm', '--set', 'free.__proto__.x=1'], '--set: unknown key free.__proto__'],
    [['--model', 'm', '--set', 'maxSteps'], '--set: expected key=value, got "maxSteps"'],
    [['--model', 'm', '--max-steps', 'ten'], '--max-steps: expected a whole number, got "ten"'],
    [['--model', 'm', '--max-steps', '1.5'], '--max-steps: expected a whole number, got "1.5"'],
    [['--model', 'm', '--max-steps', '0'], '--max-steps: Too small: expected number to be >=1. Got 0.'],
    [['--model', 'm', '--learning-rate', 'NaN'], '--learning-rate: expected a number, got "NaN"'],
    [['--model', 'm', '--mode', 'slow'], '--mode: Invalid option: expected one of "fast"|"exact". Got "slow".'],
    [['--model', 'm', '--shuffle=perhaps'], '--shuffle: expected true or false, got "perhaps"'],
    [['--model', 'm', '--no-mode'], 'Unknown option --no-mode'],
    [['--model', 'm', '--sampling', '1'], '--sampling holds several values: expected --set sampling.NAME=VALUE'],
    [['--model', 'm', '--backend', 'gpu'], '--backend: Invalid option'],
    [['--model', 'm', '--workspace'], '--workspace: expected a value after it'],
    [['--model', 'm', '-x'], 'Unknown option -x'],
    [[], 'Expected MODEL (Model to use).'],
  ])('%j', async (argv, message) => {
    expect(await refused(...argv)).toContain(`error: ${message}`);
  });

  test('an unknown key in the file, at any depth', async () => {
    expect(await refused(...(await file({ model: 'm', shufle: true })))).toContain(
      'config.json: unknown key shufle. Did you mean shuffle?',
    );
    expect(await refused(...(await file({ model: 'm', sampling: { topk: 1 } })))).toContain(
      'unknown key sampling.topk. Did you mean sampling.topK?',
    );
  });

  test('a file that is missing, no JSON, or no object', async () => {
    expect(await refused('--config', 'none.json')).toContain('none.json; there is none');
    expect(await refused(...(await file('{"model":')))).toContain('expected JSON');
    expect(await refused(...(await file([1])))).toContain('expected a JSON object of options, got [1]');
  });

  test('a word too many', async () => {
    const one = defineCommand({ ...single, positionals: ['id'] });
    const { status, stderr } = await harness.run(['one', 'a', 'b'], { table: [entry(one)] });
    expect(status).toBe(2);
    expect(stderr).toContain('Unexpected word "b": expected fourfold one <id> [options].');
  });

  test('an unknown command, and none at all', async () => {
    expect((await harness.run(['ecko'], { table })).stderr).toContain('Unknown command ecko. Did you mean echo?');
    const none = await harness.run([], { table });
    expect(none).toMatchObject({ status: 2, stdout: '' });
    expect(none.stderr).toContain('fourfold echo');
  });

  test('a key may not hide an option that every command has', () => {
    expect(() => defineCommand({ ...single, config: z.strictObject({ json: z.boolean() }) })).toThrow(
      'hides the option',
    );
  });
});

const single = {
  name: 'one',
  describe: 'One',
  config: z.strictObject({ id: z.string().default('x') }),
  run: async () => undefined,
};

describe('running', () => {
  test('long work says its resolved configuration on standard error, unless quiet', async () => {
    const long = [entry(defineCommand({ ...single, printsConfig: true }))];
    expect(await harness.run(['one'], { table: long })).toEqual({
      status: 0,
      stdout: '',
      stderr: 'config {"id":"x"}\n',
    });
    expect(await harness.run(['one', '--quiet'], { table: long })).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('the workspace is --workspace, else FOURFOLD_WORKSPACE, else data/workspace here', async () => {
    const where = defineCommand({ ...single, run: async ({ workspaceDir, print }) => print(workspaceDir) });
    const run = async (argv: string[], env = {}) =>
      (await harness.run(['one', ...argv], { table: [entry(where)], env })).stdout;
    expect(await run([])).toBe(`${join(harness.cwd, 'data', 'workspace')}\n`);
    expect(await run([], { FOURFOLD_WORKSPACE: '/e' })).toBe('/e\n');
    expect(await run(['--workspace', 'w'], { FOURFOLD_WORKSPACE: '/e' })).toBe(`${join(harness.cwd, 'w')}\n`);
  });

  const failing = (error: unknown) => [entry(defineCommand({ ...single, run: () => Promise.reject(error) }))];

  test("a known error is one line with its table's exit status, and JSON with --json", async () => {
    const table = failing(new FourfoldError('not-better', 'The policy did not get better.'));
    const plain = await harness.run(['one'], { table });
    expect(plain).toEqual({ status: 1, stdout: '', stderr: 'error: The policy did not get better.\n' });
    const { stderr } = await harness.run(['one', '--json'], { table });
    expect(JSON.parse(stderr.split('\n')[1] ?? '')).toEqual({
      error: { code: 'not-better', message: 'The policy did not get better.' },
    });
  });

  test('an unexpected error exits 70 and shows its stack only when asked', async () => {
    const table = failing(new TypeError('x is not a function'));
    const plain = await harness.run(['one'], { table });
    expect(plain.status).toBe(70);
    expect(plain.stderr).toContain('FOURFOLD_DEBUG=1');
    expect(plain.stderr).not.toContain('runCli.test');
    const debug = await harness.run(['one'], { table, env: { FOURFOLD_DEBUG: '1' } });
    expect(debug.stderr).toContain('runCli.test');
  });

  test('a file-system error that nobody translated names the path and the remedy', async () => {
    const full = Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC', path: '/w/db.json', syscall: 'write' });
    const { status, stderr } = await harness.run(['one'], { table: failing(full) });
    expect({ status, stderr }).toEqual({
      status: 74,
      stderr:
        'error: Could not write /w/db.json: the disk is full; free some space and run the same command again (ENOSPC).\n',
    });
  });
});

describe('Ctrl-C', () => {
  const waiting = (onAbort: () => Promise<void>) =>
    entry(
      defineCommand({
        ...single,
        printsConfig: true,
        run: ({ signal, note }) => {
          note('ready');
          return new Promise((resolve, reject) => {
            signal.addEventListener('abort', () => onAbort().then(resolve, reject));
          });
        },
      }),
    );

  test('the first aborts the signal: the command writes its checkpoint and the status is 130', async () => {
    const process = new FakeProcess();
    let saved = false;
    const table = [
      waiting(async () => {
        saved = true;
        throw new FourfoldError('interrupted', 'Stopped after step 3. Go on with: --resume one-run-1');
      }),
    ];
    const running = harness.run(['one'], { table, process });
    await until(() => process.listenerCount('SIGINT') === 1);
    process.emit('SIGINT');
    const { status, stderr } = await running;
    expect({ status, saved, exit: process.exitStatus }).toEqual({ status: 130, saved: true, exit: null });
    expect(stderr).toContain(
      'stopping: finishing the step and writing a checkpoint; press Ctrl-C again to quit at once',
    );
    expect(stderr).toContain('error: Stopped after step 3.');
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(0);
  });

  test('the second ends the process at once', async () => {
    const process = new FakeProcess();
    let finish = (): void => undefined;
    const table = [
      waiting(
        () =>
          new Promise((resolve) => {
            finish = resolve;
          }),
      ),
    ];
    const running = harness.run(['one'], { table, process });
    await until(() => process.listenerCount('SIGTERM') === 1);
    process.emit('SIGTERM');
    expect(process.exitStatus).toBeNull();
    process.emit('SIGINT');
    expect(process.exitStatus).toBe(130);
    finish();
    // A command that ends well in spite of the signal has done its work.
    expect((await running).status).toBe(0);
  });

  test('an AbortError of a library counts as stopped', async () => {
    const process = new FakeProcess();
    const table = [waiting(() => Promise.reject(new DOMException('aborted', 'AbortError')))];
    const running = harness.run(['one'], { table, process });
    await until(() => process.listenerCount('SIGINT') === 1);
    process.emit('SIGINT');
    expect((await running).status).toBe(130);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('help', () => {
  test('of the program lists commands and loads none of them', async () => {
    const unloadable = { name: 'heavy', describe: 'Trains', load: () => Promise.reject(new Error('was loaded')) };
    const { status, stdout } = await harness.run(['--help'], { table: [unloadable] });
    expect(status).toBe(0);
    expect(stdout).toMatch(/fourfold heavy +Trains/);
  });

  test('of a command shows flags, choices, defaults and what is required', async () => {
    const { stdout } = await harness.run(['echo', '--help'], { table });
    expect(stdout).toMatch(/--model +Model to use \(text\) .*\[required\]/);
    expect(stdout).toMatch(/--learning-rate +Step size \(number\) .*\[default: 0.1\]/);
    expect(stdout).toMatch(/--mode .*\[choices: "fast", "exact"\] \[default: "fast"\]/);
  });

  test('completes commands, subcommands and options', async () => {
    const complete = async (...words: string[]) =>
      (await harness.run(['--get-completions', ...words])).stdout.split('\n');
    expect(await complete('li')).toEqual(['lineage', '']);
    expect(await complete('models', 'ex')).toEqual(['export', '']);
    expect(await complete('annotators', 'add', 'x', '--sim')).toEqual(['--simulated', '']);
  });

  test('of every bundled command can be shown', async () => {
    const { COMMAND_TABLE } = await import('./commandTable.ts');
    for (const bundled of COMMAND_TABLE) {
      const module = await bundled.load();
      const commands = 'command' in module ? [module.command] : module.commands;
      for (const command of commands) {
        expect(command.name.split(' ')[0]).toBe(bundled.name);
        const { status, stdout } = await harness.run([...command.name.split(' '), '--help']);
        expect({ status, named: stdout.startsWith(`fourfold ${command.name}`) }).toEqual({ status: 0, named: true });
        for (const [key, property] of Object.entries(command.schema.properties ?? {})) {
          expect([command.name, key, property.description ?? 'none']).not.toContain('none');
        }
      }
    }
  });
});
