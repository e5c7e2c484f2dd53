// `fourfold candidates`: replies of several model versions to the same prompts. Each reply is written down as soon as it
// is there, and its seed and id follow from what it is, so a stopped run goes on without a duplicate or a gap.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { ArtifactId, CandidateId, contentId } from '../core/ids.ts';
import { toJsonl } from '../core/jsonl.ts';
import { weightsHash } from '../core/modelFolder.ts';
import type { ProgressTask } from '../core/progress.ts';
import { seedOf } from '../core/random.ts';
import { Candidate, itemsOf, type Prompt, type Sampling } from '../core/records.ts';
import { generate } from '../generate/generate.ts';
import { loadModel } from '../model/model.ts';
import { errorOfRun, type Job, openRun } from '../store/job.ts';
import { JsonlLog } from '../store/jsonlLog.ts';
import {
  type ModelReference,
  madeByRun,
  modelFolders,
  PROMPTS_FILE,
  resolveModel,
  resolvePrompts,
} from '../store/references.ts';
import type { Run } from '../store/runs.ts';
import { renderPrompt } from '../tokens/rendering.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import type { CandidatesConfig, ServerModel } from './candidatesConfig.ts';
import { serverReply } from './serverReply.ts';

/** A reply that is still to be made. */
interface Wanted {
  id: CandidateId;
  prompt: Prompt;
  sampleIndex: number;
  seed: number;
}

/** A reply that is there. */
interface Finished {
  wanted: Wanted;
  text: string;
  finishReason: 'stop' | 'length';
}

interface Collector {
  job: Job;
  sampling: Sampling;
  config: CandidatesConfig;
  log: JsonlLog<typeof Candidate>;
  task: ProgressTask;
  done: Set<CandidateId>;
}

/**
 * Seeds follow from the version's place among the versions, ids from its weights (or its server): neither depends on what
 * the workspace happens to call it, so the same job gives the same records anywhere.
 */
function wantedReplies(
  prompts: ReadonlyArray<Prompt>,
  { place, identity }: { place: number; identity: string },
  config: CandidatesConfig,
): Wanted[] {
  return prompts.flatMap((prompt) =>
    Array.from({ length: config.samplesPerPrompt }, (_, sampleIndex) => {
      const seed = seedOf(config.seed, 'candidate', prompt.id, place, sampleIndex);
      return {
        id: CandidateId.parse(`c-${contentId(prompt.id, identity, sampleIndex, seed)}`),
        prompt,
        sampleIndex,
        seed,
      };
    }),
  );
}

async function keep(
  { log, task, done, sampling }: Collector,
  model: string,
  replies: ReadonlyArray<Finished>,
): Promise<void> {
  await log.append(
    replies.map(({ wanted: { id, prompt, sampleIndex, seed }, text, finishReason }) => ({
      id,
      promptId: prompt.id,
      model,
      sampleIndex,
      seed,
      sampling,
      text,
      finishReason,
    })),
  );
  for (const { wanted } of replies) done.add(wanted.id);
  task.update(done.size, { version: model });
}

function stopIfAsked({ job, log }: Collector): void {
  if (!job.signal.aborted) return;
  const run = log.path.split('/').at(-2);
  throw new FourfoldError('interrupted', `Stopped; every reply so far is kept. Go on with --resume ${run}.`);
}

/** @throws too-long naming the prompt, before anything is sampled. */
function fitting<R extends { wanted: Wanted; promptIds: number[] }>(request: R, context: number): R {
  if (request.promptIds.length < context) return request;
  throw new FourfoldError(
    'too-long',
    `Prompt ${request.wanted.prompt.id}: expected fewer tokens than the model's context of ${context}, got ` +
      `${request.promptIds.length}. Shorten or remove it.`,
  );
}

/** Records tell versions apart by name alone. @throws bad-option where two have the same. */
function checkNames(job: Job, { models, servers }: CandidatesConfig): void {
  const names = [
    ...models.map((reference) => resolveModel(job.workspace, reference, job.path, 'model').name),
    ...servers.map((server) => server.model),
  ];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new FourfoldError(
    'bad-option',
    `Expected versions of different names, but ${twice} is there twice. Name each once; give folders different names.`,
  );
}

async function collectFromModel(
  collector: Collector,
  { reference, place }: { reference: string; place: number },
  prompts: ReadonlyArray<Prompt>,
): Promise<void> {
  const { job, config, sampling } = collector;
  const { dir, name, artifact } = resolveModel(job.workspace, reference, job.path, 'model');
  const identity = (artifact === null ? null : weightsHash(artifact.files)) ?? name;
  const missing = wantedReplies(prompts, { place, identity }, config).filter(({ id }) => !collector.done.has(id));
  if (missing.length === 0) return;
  const tokenizer = await loadTokenizer(dir);
  const model = await loadModel(dir, 'causal-lm');
  try {
    const requests = missing
      .map((wanted) => ({ wanted, promptIds: renderPrompt(tokenizer, wanted.prompt.messages), seed: wanted.seed }))
      .map((request) => fitting(request, model.config.maxPositions));
    const finished: Finished[] = [];
    const keepFinished = () => keep(collector, name, finished.splice(0));
    try {
      await generate(model, requests, {
        ...{ sampling, stopIds: tokenizer.stopIds, maxRunning: config.batchSize, signal: job.signal },
        onReply: async ({ tokenIds, finishReason }, index) => {
          const { wanted } = requests[index] as (typeof requests)[number];
          finished.push({ wanted, text: tokenizer.decode(tokenIds).trim(), finishReason });
          if (finished.length >= config.batchSize) await keepFinished();
        },
      });
    } finally {
      await keepFinished();
      stopIfAsked(collector);
    }
  } finally {
    model.dispose();
  }
}

async function collectFromServer(
  collector: Collector,
  { server, place }: { server: ServerModel; place: number },
  prompts: ReadonlyArray<Prompt>,
): Promise<void> {
  const { job, config, sampling } = collector;
  const identity = `${server.baseUrl} ${server.model}`;
  const missing = wantedReplies(prompts, { place, identity }, config).filter(({ id }) => !collector.done.has(id));
  const limit = pLimit(config.concurrency);
  const failures: unknown[] = [];
  const requests = missing.map((wanted) =>
    limit(async () => {
      // After a failure nothing new is asked; what is under way ends, so that its reply is kept.
      if (failures.length > 0 || job.signal.aborted) return;
      try {
        const options = { sampling, seed: wanted.seed, signal: job.signal };
        const reply = await serverReply(server, wanted.prompt.messages, options);
        await keep(collector, server.model, [{ wanted, ...reply }]);
      } catch (error) {
        failures.push(error);
      }
    }),
  );
  await Promise.all(requests);
  stopIfAsked(collector);
  if (failures.length > 0) throw failures[0];
}

async function writeSet(
  dir: string,
  id: ArtifactId,
  prompts: ReadonlyArray<Prompt>,
  candidates: ReadonlyArray<Candidate>,
  size: number,
) {
  await writeFile(join(dir, PROMPTS_FILE), toJsonl(prompts));
  await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
  await writeFile(join(dir, 'items.jsonl'), toJsonl(itemsOf(id, candidates, size)));
}

/** A policy answers in the round after the one that made it. */
function roundOf(artifact: ModelReference['artifact']): number {
  if (artifact === null) return 1;
  return artifact.kind === 'model' && artifact.role === 'policy' ? artifact.round + 1 : artifact.round;
}

/** @throws bad-option where no version is named; server-failed; interrupted. Replies made are kept in every case. */
export async function collectCandidates(job: Job, config: CandidatesConfig): Promise<ArtifactOf<'candidate-set'>> {
  const { workspace } = job;
  const versions = config.models.length + config.servers.length;
  if (versions === 0) throw new FourfoldError('bad-option', 'Expected at least one of --models and servers, got none.');
  checkNames(job, config);
  const promptSet = await resolvePrompts(workspace, config.prompts, job.path);
  const chosen = promptSet.prompts.filter((prompt) => config.split === 'all' || prompt.split === config.split);
  const prompts = chosen.slice(0, config.limit);
  if (prompts.length === 0)
    throw new FourfoldError('bad-input', `Expected prompts of the split ${config.split}, got none.`);
  const run = await openRun(job, 'candidates', config);
  const made = madeByRun(workspace, 'candidate-set', run.id);
  if (made !== null) return made;
  try {
    return await collectInRun(job, { config, run, prompts, promptSetId: promptSet.artifact.id });
  } catch (error) {
    throw errorOfRun(error, run);
  }
}

async function collectInRun(
  job: Job,
  {
    config,
    run,
    prompts,
    promptSetId,
  }: { config: CandidatesConfig; run: Run; prompts: Prompt[]; promptSetId: ArtifactId },
): Promise<ArtifactOf<'candidate-set'>> {
  const { workspace } = job;
  const versions = config.models.length + config.servers.length;
  const models = config.models.map((reference) => resolveModel(workspace, reference, job.path, 'model'));
  const folders = await modelFolders(Object.fromEntries(models.map((model) => [model.name, model])));
  const log = new JsonlLog(join(run.dir, 'candidates.jsonl'), Candidate);
  const { temperature, topK, topP, maxNewTokens } = config;
  const task = job.progress.start('candidates', prompts.length * versions * config.samplesPerPrompt, 'replies');
  const done = new Set((await log.read()).map((candidate) => candidate.id));
  const collector: Collector = { job, config, log, task, done, sampling: { temperature, topK, topP, maxNewTokens } };
  try {
    for (const [place, reference] of config.models.entries()) {
      await collectFromModel(collector, { reference, place }, prompts);
    }
    for (const [i, server] of config.servers.entries()) {
      await collectFromServer(collector, { server, place: config.models.length + i }, prompts);
    }
  } finally {
    task.finish();
  }
  // The log is in the order in which replies ended; the set goes by prompt, version and sample.
  const promptAt = new Map(prompts.map((prompt, index) => [prompt.id, index]));
  const versionAt = new Map(
    [...models, ...config.servers.map(({ model }) => ({ name: model }))].map(({ name }, i) => [name, i]),
  );
  const placeOf = ({ promptId, model }: Candidate) =>
    (promptAt.get(promptId) ?? 0) * versions + (versionAt.get(model) ?? 0);
  const candidates = (await log.read()).sort((a, b) => placeOf(a) - placeOf(b) || a.sampleIndex - b.sampleIndex);
  const parents = [...models.flatMap(({ artifact }) => artifact?.id ?? []), promptSetId];
  return workspace.artifacts.create(
    {
      kind: 'candidate-set',
      parents,
      seed: config.seed,
      config: { ...config, ...folders },
      engine: job.engine,
      round: Math.max(1, ...models.map(({ artifact }) => roundOf(artifact))),
      runId: run.id,
      versions: [...new Set(candidates.map((candidate) => candidate.model))],
      metrics: {
        prompts: prompts.length,
        candidates: candidates.length,
        finishedShare: candidates.filter((candidate) => candidate.finishReason === 'stop').length / candidates.length,
      },
    },
    // The folder's name ends in the set's id, which the items carry.
    (dir) =>
      writeSet(
        dir,
        ArtifactId.parse(dir.split('/').at(-1)?.split('.partial')[0]),
        prompts,
        candidates,
        config.candidatesPerItem,
      ),
  );
}
