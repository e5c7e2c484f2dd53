// One annotator who signs in, asks for items and judges them until time is up. A request that gets no answer is sent
// again with the same submission id until it is answered, as the page does.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  JudgementReply,
  type JudgementRequest,
  NextReply,
  SessionReply,
  type Task,
} from '../../src/core/annotationApi.ts';
import { type Random, randomFrom, seedOf } from '../../src/core/random.ts';
import type { LoadServer } from './loadServer.ts';

interface Options {
  server: LoadServer;
  token: string;
  thinkMs: number;
  seed: number;
}

const RETRY_MS = 100;
const SIGN_IN_PAUSE_MS = 5000;
const MOST_SIGN_INS = 30;
/** Time after the end in which what is under way may still be answered. */
const GRACE_MS = 20_000;

/** The value below which that share of the values lie, to a tenth; 0 where there is none. */
export function percentile(values: ReadonlyArray<number>, share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return Math.round(value * 10) / 10;
}

export class SimulatedAnnotator {
  readonly #options: Options;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #random: Random;
  #authorization = '';
  #submissions = 0;
  #deadline = 0;
  readonly confirmed: string[] = [];
  readonly nextMs: number[] = [];
  readonly saveMs: number[] = [];
  readonly errors: string[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.#random = randomFrom(seedOf('annotator', options.seed));
  }

  async signIn(): Promise<void> {
    let { status, body } = await this.#send('POST', '/api/session', { token: this.#options.token });
    // An address may sign in so often in a minute.
    for (let tries = 0; status === 429 && tries < MOST_SIGN_INS; tries++) {
      await sleep(SIGN_IN_PAUSE_MS);
      ({ status, body } = await this.#send('POST', '/api/session', { token: this.#options.token }));
    }
    this.#authorization = `Bearer ${SessionReply.parse(body).sessionToken}`;
  }

  /** @param deadline milliseconds since 1970 */
  async work(deadline: number): Promise<void> {
    this.#deadline = deadline;
    const { thinkMs } = this.#options;
    // Not all at the same instant.
    await sleep(this.#random.uniform() * thinkMs);
    while (Date.now() < deadline) {
      const next = await this.#timed(this.nextMs, 'GET', '/api/tasks/next');
      if (next === null) break;
      const { task, state } = NextReply.parse(next);
      if (task === null && state === 'done') break;
      if (task === null) await sleep(RETRY_MS);
      else {
        await sleep(thinkMs * (0.5 + this.#random.uniform()));
        const path = `/api/tasks/${task.itemId}/judgement`;
        const saved = await this.#timed(this.saveMs, 'PUT', path, this.#judge(task));
        if (saved !== null) this.confirmed.push(JudgementReply.parse(saved).judgementId);
      }
    }
    this.#agent.destroy();
  }

  /** A lead looks at all figures again and again. @param deadline milliseconds since 1970 */
  async look(deadline: number, everyMs: number): Promise<void> {
    this.#deadline = deadline;
    while (Date.now() + everyMs < deadline) {
      await sleep(everyMs);
      for (const what of ['overview', 'raters', 'agreement', 'disputes']) {
        await this.#timed(this.nextMs, 'GET', `/api/lead/${what}`);
      }
    }
    this.#agent.destroy();
  }

  #judge(task: Task): JudgementRequest {
    const score = () => 1 + this.#random.integer(5);
    const scores = () => Object.fromEntries(task.criteria.map(({ id }) => [id, score()]));
    const best = task.candidates[this.#random.integer(task.candidates.length)];
    return {
      ratings: Object.fromEntries(task.candidates.map(({ candidateId }) => [candidateId, scores()])),
      comparison: best === undefined ? { kind: 'tie' } : { kind: 'best', candidateId: best.candidateId },
      durationMs: this.#options.thinkMs,
      submissionId: `load-${this.#options.seed}-${++this.#submissions}`,
    };
  }

  /** Sends until there is an answer; null where there was none in time or it was a refusal. */
  async #timed(latencies: number[], method: string, path: string, payload?: object): Promise<unknown> {
    for (;;) {
      const startedAt = performance.now();
      try {
        const { status, body } = await this.#send(method, path, payload);
        latencies.push(performance.now() - startedAt);
        if (status === 200) return body;
        this.errors.push(`${method} ${path.replace(/item-\w+/, ':itemId')}: ${status} ${JSON.stringify(body)}`);
        return null;
      } catch {
        if (Date.now() > this.#deadline + GRACE_MS) {
          this.errors.push(`${method}: no answer`);
          return null;
        }
        await sleep(RETRY_MS);
      }
    }
  }

  #send(method: string, path: string, payload?: object): Promise<{ status: number; body: unknown }> {
    const text = payload === undefined ? null : JSON.stringify(payload);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: this.#options.server.port,
          method,
          path,
          agent: this.#agent,
          headers: {
            ...(this.#authorization === '' ? {} : { authorization: this.#authorization }),
            ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('end', () => {
            try {
              resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) });
            } catch (error) {
              reject(error);
            }
          });
          response.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(text ?? undefined);
    });
  }
}
