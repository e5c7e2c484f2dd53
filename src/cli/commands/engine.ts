// fourfold engine: which numeric back ends start on this machine, how fast they are, and TensorFlow's native library.
import { z } from 'zod';
import { backendOption, engineKeys } from '../../core/backendName.ts';
import { FourfoldError, messageOf } from '../../core/errors.ts';
import { defineCommand } from '../command.ts';
import type { BackendTimes } from '../engineBench.ts';
import { tableText } from '../table.ts';

const list = defineCommand({
  name: 'engine list',
  describe: 'Try each numeric back end, and what --backend auto takes',
  config: z.strictObject({}),
  async run({ json, print, note, progress }) {
    const { BACKENDS } = await import('../../engine/backend.ts');
    const { surveyBackends } = await import('../../engine/survey.ts');
    const task = progress.start('engine', BACKENDS.length, 'back ends');
    const survey = await surveyBackends({ note, onTried: (tried) => task.update(tried) });
    task.finish();
    if (json) return print(JSON.stringify(survey));
    const rows = survey.backends.map(({ backend, starts, threads, about, reason }) => {
      const words = [
        starts ? 'starts' : 'no',
        ...(threads === null ? [] : [`${threads} ${threads === 1 ? 'thread' : 'threads'}`]),
        ...(backend === survey.auto ? ['taken by auto'] : []),
      ];
      return [backend, words.join(', '), reason ?? about ?? ''];
    });
    print(tableText(['back end', 'here', 'what it is, or why not'], rows));
  },
});

const INSTALLABLE = ['tensorflow'] as const;
const installable = z.enum(INSTALLABLE).describe('What to install: tensorflow');

const install = defineCommand({
  name: 'engine install',
  describe: 'Install TensorFlow’s native library for the back end tensorflow',
  config: z.strictObject({
    name: installable,
    cuda: z.boolean().default(false).describe('With CUDA, for an NVIDIA GPU (several GB)'),
    libtensorflow: z
      .string()
      .min(1)
      .optional()
      .describe('Folder with TensorFlow’s library and headers, in place of a download; it must stay where it is'),
    python: z.string().min(1).optional().describe('Python whose pip downloads; python3 on the PATH where absent'),
  }),
  positionals: ['name'],
  example: 'fourfold engine install tensorflow',
  check({ libtensorflow }, given) {
    const unread = ['cuda', 'python'].find((key) => libtensorflow !== undefined && given.has(key));
    if (unread === undefined) return;
    throw new FourfoldError(
      'bad-option',
      `--${unread} is about the download, and with --libtensorflow nothing is downloaded from PyPI. Leave one of the two out.`,
    );
  },
  async run({ config, env, path, json, print, note, progress, signal }) {
    const { fourfoldHome, tensorflowFolder } = await import('../../engine/install/installation.ts');
    const { INSTALL_STEPS, installTensorflow } = await import('../../engine/install/installTensorflow.ts');
    const { verifyInProcess } = await import('../../engine/install/verifyInProcess.ts');
    const home = fourfoldHome(env);
    const task = progress.start('install', INSTALL_STEPS, 'steps');
    let told = 0;
    const { installation, isNew } = await installTensorflow({
      ...{ home, env, cuda: config.cuda, signal },
      libtensorflow: config.libtensorflow === undefined ? null : path(config.libtensorflow),
      python: config.python === undefined ? null : config.python.includes('/') ? path(config.python) : config.python,
      verify: (staged, stop) => verifyInProcess(staged, env, stop),
      onStep: (step, words) => {
        if (step > told) progress.note(`${words} …`);
        told = step;
        task.update(step - 1);
      },
    }).finally(() => task.finish());
    const folder = tensorflowFolder(home);
    if (json) return print(JSON.stringify({ folder, isNew, ...installation }));
    const { tensorflow, source, cuda } = installation;
    print(`TensorFlow ${tensorflow} (${source}${cuda ? ', CUDA' : ''}) in ${folder}`);
    if (isNew && installation.kernels !== undefined && 'refused' in installation.kernels) {
      note(`Without our own kernels, which makes it slower; the compiler says: ${installation.kernels.refused}`);
    }
    note(isNew ? 'Checked; --backend auto takes it from now on.' : 'It was there already; nothing was changed.');
  },
});

const remove = defineCommand({
  name: 'engine remove',
  describe: 'Remove what engine install has installed',
  config: z.strictObject({ name: installable }),
  positionals: ['name'],
  async run({ env, json, print }) {
    const { fourfoldHome, tensorflowFolder } = await import('../../engine/install/installation.ts');
    const { removeTensorflow } = await import('../../engine/install/installTensorflow.ts');
    const home = fourfoldHome(env);
    const folder = tensorflowFolder(home);
    const removed = removeTensorflow(home);
    if (json) return print(JSON.stringify({ folder, removed }));
    print(removed ? `Removed ${folder}` : `Nothing is installed in ${folder}`);
  },
});

const verify = defineCommand({
  name: 'engine verify',
  describe: 'Check a product and a gradient on a back end',
  config: z.strictObject({ backend: backendOption }),
  async run({ config, json, print }) {
    const { verifyBackend } = await import('../../engine/verify.ts');
    const verified = await verifyBackend(config.backend);
    if (json) return print(JSON.stringify(verified));
    print(`${verified.backend} computes as it should${verified.about === null ? '' : `: ${verified.about}`}`);
  },
});

const bench = defineCommand({
  name: 'engine bench',
  describe: 'Measure products, fused operations and a training step',
  config: z.strictObject({
    backend: z
      .enum(['all', 'tensorflow', 'webgpu', 'wasm', 'cpu'])
      .default('all')
      .describe('Which back end; all: those that start, but for cpu, which is a reference'),
    threads: engineKeys.threads,
  }),
  async run({ config, json, print, note, progress, signal }) {
    const { BACKENDS } = await import('../../engine/backend.ts');
    const { benchBackend } = await import('../engineBench.ts');
    const wanted = BACKENDS.filter((name) => (config.backend === 'all' ? name !== 'cpu' : name === config.backend));
    const results: BackendTimes[] = [];
    for (const backend of wanted) {
      const task = progress.start(backend, BENCH_STEPS, 'measurements');
      let step = 0;
      try {
        const onStep = (): void => {
          if (signal.aborted) throw new FourfoldError('interrupted', 'Stopped between two measurements.');
          task.update(step++);
        };
        results.push(await benchBackend(backend, { threads: config.threads, onStep }));
      } catch (error) {
        const isAbsent = error instanceof FourfoldError && error.code === 'unsupported';
        if (config.backend !== 'all' || !isAbsent) throw error;
        note(messageOf(error));
      } finally {
        task.finish();
      }
    }
    print(json ? JSON.stringify({ backends: results }) : benchText(results));
  },
});

/** Products, nine operations, a step. */
const BENCH_STEPS = 11;

/** A column for each back end. */
function benchText(results: ReadonlyArray<BackendTimes>): string {
  const row = (name: string, cell: (result: BackendTimes) => string): string[] => [name, ...results.map(cell)];
  const ms = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(value < 10 ? 2 : 0));
  const operations = results.find(({ operations }) => operations.length > 0)?.operations ?? [];
  const rows = [
    row('x·Wᵀ, GFLOP/s', ({ gflops }) => gflops.forward.toFixed(1)),
    row('dy·W, GFLOP/s', ({ gflops }) => gflops.inputGradient.toFixed(1)),
    row('dyᵀ·x, GFLOP/s', ({ gflops }) => gflops.weightGradient.toFixed(1)),
    ...operations.map(({ operation, shapes }, i) =>
      row(`${operation} ${shapes.map((shape) => shape.join('x')).join(', ')}, ms (with gradients)`, (result) => {
        const time = result.operations[i];
        return `${ms(time?.forwardMs)} (${ms(time?.withGradientsMs)})`;
      }),
    ),
    row('training step of 5.8 M parameters, 8 x 64 tokens, ms', ({ stepMs }) => ms(stepMs ?? undefined)),
    row('tokens a second', ({ tokensPerSecond }) => tokensPerSecond?.toFixed(0) ?? '-'),
  ];
  return tableText(['', ...results.map(({ backend }) => backend)], rows);
}

export const commands = [list, install, remove, verify, bench];
