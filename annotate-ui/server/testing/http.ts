// For tests: an application, people signed in to it, and their requests.
import type { FastifyInstance } from 'fastify';
import type { Role } from '../../../src/core/annotation/people.ts';
import type { JudgementRequest, Task } from '../../../src/core/annotationApi.ts';
import { CandidateId } from '../../../src/core/ids.ts';
import type { Workspace } from '../../../src/store/workspace.ts';

export type Headers = Record<string, string>;

export async function signIn(app: FastifyInstance, token: string): Promise<Headers> {
  const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { token } });
  if (reply.statusCode !== 200) throw new Error(`expected to sign in, got ${reply.statusCode} ${reply.body}`);
  return { authorization: `Bearer ${reply.json().sessionToken}` };
}

/** Adds the person and signs them in. */
export async function signInAs(
  app: FastifyInstance,
  workspace: Workspace,
  id: string,
  role: Role = 'annotator',
): Promise<Headers> {
  return signIn(app, workspace.annotators.add({ id, name: id, simulated: false, role }).token);
}

export async function nextTask(app: FastifyInstance, headers: Headers, exclude: string[] = []): Promise<Task> {
  const reply = await app.inject({ url: `/api/tasks/next?exclude=${exclude.join(',')}`, headers });
  if (reply.statusCode !== 200) throw new Error(`expected a task, got ${reply.statusCode} ${reply.body}`);
  return reply.json().task;
}

export function verdictOn(task: Task, score = 4, best = 0): JudgementRequest {
  const scores = { instructionFollowing: score, fluency: score, safety: 5 };
  const sorted = task.candidates.map(({ candidateId }) => candidateId).sort();
  return {
    ratings: Object.fromEntries(sorted.map((candidateId) => [candidateId, scores])),
    comparison: { kind: 'best', candidateId: CandidateId.parse(sorted[best]) },
    durationMs: 1500,
  };
}

export const put = (app: FastifyInstance, headers: Headers, itemId: string, payload: object) =>
  app.inject({ method: 'PUT', url: `/api/tasks/${itemId}/judgement`, headers, payload });
