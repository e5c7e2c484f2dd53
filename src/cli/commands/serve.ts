// Starts the labeling server and, beside it, the schedule of evaluations; both end with Ctrl-C.
// A scheduled evaluation runs in a process of its own: its arithmetic must not keep annotators waiting.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { BackgroundJob } from '../../../annotate-ui/server/jobs.ts';
import { engineKeys } from '../../core/backendName.ts';
import { FourfoldError } from '../../core/errors.ts';
import { ArtifactId } from '../../core/ids.ts';
import { parseJson, parseWith } from '../../core/jsonl.ts';
import { packagePath } from '../../core/packageRoot.ts';
import type { Workspace } from '../../store/workspace.ts';
import { defineCommand } from '../command.ts';
import { refuseUnread } from '../refuseUnread.ts';

const ServeConfig = z.strictObject({
  candidateSet: z.string().min(1).nullable().default(null).describe('Candidate set to label (default: the newest)'),
  port: z.int().min(0).max(65_535).default(4600).describe('Port to listen on; 0 takes a free one'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  allowRemote: z.boolean().default(false).describe('Permit a host that other machines can reach'),
  openapi: z.boolean().default(false).describe('Print the OpenAPI description of the interface, and end'),
  model: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Answer as OpenAI's interface with this model instead: an id, a folder, owner/name, or NAME=one of these",
    ),
  maxBatch: z.int().min(1).default(16).describe('With --model: the most replies generated at once'),
  ...engineKeys,
});

export const command = defineCommand({
  name: 'serve',
  describe: 'Start the labeling page and run the scheduled evaluations; with --model, answer as OpenAI does',
  config: ServeConfig,
  hubNames: { model: 'model' },
  check(config, given) {
    if (config.model.length > 0) {
      refuseUnread(config, given, { because: 'serve --model', options: { candidateSet: null, openapi: false } });
    } else {
      const { maxBatch, backend, threads } = ServeConfig.parse({});
      refuseUnread(config, given, { because: 'serve without --model', options: { maxBatch, backend, threads } });
    }
  },
  stopNote: 'stopping: finishing what is being saved; press Ctrl-C again to quit at once',
  async run(context) {
    const { config, workspace: openWorkspace, env, json, signal, print, note } = context;
    if (config.model.length > 0) return (await import('../serveModels.ts')).serveModels(context, config);
    const [{ ADMIN_SECRET, startServer }, { chooseCandidateSet }, workspace] = await Promise.all([
      import('../../../annotate-ui/server/server.ts'),
      import('../../../annotate-ui/server/labeling/labelingSet.ts'),
      openWorkspace(),
    ]);
    const candidateSetId = chooseCandidateSet(workspace, config.candidateSet);
    if (config.openapi) {
      const { openApiOf } = await import('../../../annotate-ui/server/app.ts');
      return print(JSON.stringify(await openApiOf({ workspace, candidateSetId }), null, json ? 0 : 2));
    }
    const server = await startServer({
      adminSecret: env[ADMIN_SECRET] ?? null,
      workspace,
      candidateSetId,
      host: config.host,
      port: config.port,
      allowRemote: config.allowRemote,
      jobs: [scheduleJob(workspace, note)],
      note,
    });
    print(json ? JSON.stringify({ url: server.url, candidateSetId }) : `Labeling ${candidateSetId} at ${server.url}`);
    if (workspace.annotators.list().length === 0) {
      note('Nobody can sign in yet. Add an annotator with: fourfold annotators add NAME');
    }
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
  },
});

/** The scheduled evaluations of the workspace, for as long as the server runs. */
function scheduleJob(workspace: Workspace, note: (line: string) => void): BackgroundJob {
  let stop: () => Promise<void> = () => Promise.resolve();
  return {
    name: 'schedule',
    async start() {
      const { startScheduler } = await import('../../evaluate/schedule.ts');
      const scheduler = startScheduler({
        schedules: () => workspace.schedules.list(),
        record: (id, firing) => workspace.schedules.recordFiring(id, firing),
        runEvaluation: (options, signal) => evaluateApart(workspace, options, signal),
        note,
      });
      stop = () => scheduler.stop();
    },
    stop: () => stop(),
  };
}

const KEPT_ERROR_CHARS = 8000;
const ErrorLine = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });

/**
 * What went wrong in the evaluation's process: the message of its error line, {"error": {...}}, and nothing else of what
 * it wrote; the end of all that where there is no such line, as after a crash.
 */
export function failureOf(status: number | null, complaint: string): FourfoldError {
  for (const line of complaint.split('\n').reverse()) {
    try {
      const { error } = ErrorLine.parse(JSON.parse(line));
      return new FourfoldError('server-failed', error.message);
    } catch {
      // Not the error line.
    }
  }
  return new FourfoldError(
    'server-failed',
    `Expected fourfold evaluate to succeed; it ended with status ${status}. ${complaint.slice(-KEPT_CRASH_CHARS)}`,
  );
}

const KEPT_CRASH_CHARS = 2000;
const EvaluateReply = z.looseObject({ id: ArtifactId });

/**
 * Runs `fourfold evaluate` with the schedule's options in a process of its own.
 * @throws server-failed with its own error message.
 */
async function evaluateApart(
  workspace: Workspace,
  options: Record<string, unknown>,
  signal: AbortSignal,
): Promise<ArtifactId> {
  const folder = await mkdtemp(join(tmpdir(), 'fourfold-schedule-'));
  try {
    const configPath = join(folder, 'evaluate.json');
    await writeFile(configPath, JSON.stringify(options));
    const words = ['evaluate', '--workspace', workspace.dir, '--config', configPath, '--quiet', '--json'];
    const child = spawn(process.execPath, [packagePath('bin', 'fourfold.js'), ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let result = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      result += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-KEPT_ERROR_CHARS);
    });
    const [status] = await once(child, 'close');
    if (status !== 0) {
      throw failureOf(status, complaint.trim());
    }
    const line = result.trim().split('\n').at(-1) ?? '';
    return parseWith(EvaluateReply, parseJson(line, 'fourfold evaluate'), 'fourfold evaluate').id;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
