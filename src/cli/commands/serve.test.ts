import { EventEmitter } from 'node:events';
import { labelingWorkspace } from '../../../annotate-ui/server/testing/labelingWorkspace.ts';
import { type Interrupts, runCli } from '../runCli.ts';
import { failureOf } from './serve.ts';

/** Starts `fourfold serve` in this process; `stop` is Ctrl-C. */
function serve(words: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const signals = new EventEmitter();
  const interrupts = Object.assign(signals, { exit: () => undefined }) as unknown as Interrupts;
  const stream = (lines: string[]) => ({ isTTY: false, columns: 80, write: (text: string) => lines.push(text) > 0 });
  const status = runCli(['serve', '--port', '0', ...words], {
    stdout: stream(out),
    stderr: stream(err),
    env: {},
    cwd: process.cwd(),
    interrupts,
    table: [{ name: 'serve', describe: 'Serve', load: () => import('./serve.ts') }],
  });
  return { out, err, status, stop: () => signals.emit('SIGINT') };
}

async function until<T>(read: () => T | undefined): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const value = read();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('what was waited for did not come');
}

test('of a failed evaluation its own message is kept; of a crash the end of what it wrote', () => {
  const line = JSON.stringify({ error: { code: 'not-found', message: 'No such model.' } });
  expect(failureOf(2, `error: No such model.\n${line}`).message).toBe('No such model.');
  expect(failureOf(null, 'Segmentation fault').message).toBe(
    'Expected fourfold evaluate to succeed; it ended with status null. Segmentation fault',
  );
});

describe('fourfold serve', () => {
  test('serves the newest set until Ctrl-C, and leaves with status 0', async () => {
    const { workspace, set, token } = await labelingWorkspace();
    const running = serve(['--workspace', workspace.dir, '--json']);
    const { url } = JSON.parse(await until(() => running.out[0]));
    const reply = await fetch(`${url}/api/session`, {
      method: 'POST',
      body: JSON.stringify({ token }),
      headers: { 'content-type': 'application/json' },
    });
    expect(await reply.json()).toMatchObject({ candidateSetId: set.id, annotator: { id: 'ann-1' } });
    running.stop();
    expect(await running.status).toBe(0);
    await expect(fetch(`${url}/api/health`)).rejects.toThrow();
  });

  test('runs the schedule, and a failed evaluation is history, not the end of the server', async () => {
    const { workspace } = await labelingWorkspace();
    // Six fields: every second.
    const { id } = workspace.schedules.add({ cron: '* * * * * *', evaluate: { model: 'no-such-model' } });
    const running = serve(['--workspace', workspace.dir, '--json']);
    const firing = await until(() => workspace.schedules.list().find((found) => found.id === id)?.history[0]);
    expect(firing.evaluationId).toBeNull();
    // What the evaluation itself said, without its progress and its machine-readable line.
    expect(firing.error).toBe('--prompts is required (A JSON Lines file or the id of a prompt set).');
    const { url } = JSON.parse(running.out[0] ?? '');
    expect((await fetch(`${url}/api/health`)).status).toBe(200);
    running.stop();
    expect(await running.status).toBe(0);
  });

  test('says when nobody can sign in yet', async () => {
    const { workspace } = await labelingWorkspace();
    workspace.annotators.remove('ann-1');
    const running = serve(['--workspace', workspace.dir]);
    await until(() => running.err.find((line) => line.includes('fourfold annotators add')));
    running.stop();
    expect(await running.status).toBe(0);
  });

  test('without a set to label, or for a host beyond loopback, ends with what to do', async () => {
    const { workspace } = await labelingWorkspace();
    const remote = serve(['--workspace', workspace.dir, '--host', '0.0.0.0']);
    expect(await remote.status).toBe(2);
    expect(remote.err.join('')).toContain('--allow-remote');
    const unknown = serve(['--workspace', workspace.dir, '--candidate-set', 'candidate-set-7']);
    expect(await unknown.status).toBe(2);
    expect(unknown.err.join('')).toContain('candidate-set-7');
  });
});
