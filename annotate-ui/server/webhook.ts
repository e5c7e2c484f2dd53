// Tells a project's webhook of what happened: a POST of JSON, signed, tried again with growing pauses, each attempt on
// record in labeling/<set>/webhooks.jsonl. What was not delivered when the server stopped is tried again at its start.
//
// Signature: x-fourfold-signature: t=<seconds since 1970>,v1=<hex of HMAC-SHA256(secret, "<t>.<body>")>.
import { createHmac, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { WebhooksReply } from '../../src/core/annotation/lead.ts';
import type { Project } from '../../src/core/annotation/project.ts';
import { messageOf } from '../../src/core/errors.ts';
import { JsonlLog } from '../../src/store/jsonlLog.ts';

export const EVENTS = ['batch.complete', 'project.complete', 'annotator.paused'] as const;
export type WebhookEvent = (typeof EVENTS)[number];

const Line = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('event'),
    id: z.string(),
    event: z.enum(EVENTS),
    at: z.iso.datetime(),
    body: z.string(),
  }),
  z.strictObject({
    kind: z.literal('attempt'),
    id: z.string(),
    at: z.iso.datetime(),
    /** HTTP status of the answer, null where none came. */
    status: z.int().nullable(),
    error: z.string().nullable(),
  }),
]);
type Line = z.infer<typeof Line>;

interface Delivery {
  id: string;
  event: WebhookEvent;
  at: string;
  body: string;
  attempts: number;
  isDelivered: boolean;
  lastError: string | null;
}

export interface WebhookOptions {
  path: string;
  project(): Project;
  /** Pauses before the second, third, ... attempt; as many as there are, and one, attempts are made. */
  pausesMs?: ReadonlyArray<number>;
  note(line: string): void;
}

const MINUTE_MS = 60_000;
const PAUSES_MS = [1000, 5000, 30_000, 2 * MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS];
const TIMEOUT_MS = 10_000;

/** Value of the signature's header. @param seconds since 1970 */
export function signatureOf(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #log: JsonlLog<typeof Line>;
  readonly #pausesMs: ReadonlyArray<number>;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #underWay = new Set<Promise<void>>();
  #isStopped = false;

  private constructor(options: WebhookOptions) {
    this.#options = options;
    this.#log = new JsonlLog(options.path, Line);
    this.#pausesMs = options.pausesMs ?? PAUSES_MS;
  }

  /** @throws bad-input, storage-failed. */
  static async open(options: WebhookOptions): Promise<Webhook> {
    const webhook = new Webhook(options);
    for (const line of await webhook.#log.read()) webhook.#apply(line);
    return webhook;
  }

  /** Goes on with what was not delivered. */
  start(): void {
    for (const delivery of this.#deliveries.values()) if (!this.#isOver(delivery)) this.#later(delivery, 0);
  }

  /** Puts the event on record and sends it; does nothing where the project has no webhook. */
  tell(event: WebhookEvent, details: Record<string, unknown>): void {
    const project = this.#options.project();
    if (project.webhook === null) return;
    const id = randomUUID();
    const at = new Date().toISOString();
    const body = JSON.stringify({
      id,
      event,
      at,
      projectId: project.id,
      candidateSetId: project.candidateSetId,
      ...details,
    });
    this.#run(async () => {
      await this.#record({ kind: 'event', id, event, at, body });
      const delivery = this.#deliveries.get(id);
      if (delivery !== undefined) await this.#attempt(delivery);
    });
  }

  /** Newest first. */
  list(): WebhooksReply['deliveries'] {
    const all = [...this.#deliveries.values()].reverse();
    return all.map((delivery) => {
      const { id, event, at, attempts, isDelivered, lastError } = delivery;
      const state = isDelivered ? 'delivered' : this.#isOver(delivery) ? 'given-up' : 'waiting';
      return { id, event, createdAt: at, attempts, state, lastError };
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#underWay);
  }

  #isOver({ isDelivered, attempts }: Delivery): boolean {
    return isDelivered || attempts > this.#pausesMs.length;
  }

  #later(delivery: Delivery, pauseMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#run(() => this.#attempt(delivery));
    }, pauseMs);
    timer.unref();
    this.#timers.add(timer);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { webhook } = this.#options.project();
    if (webhook === null || this.#isStopped) return;
    const seconds = Math.floor(Date.now() / 1000);
    let status: number | null = null;
    let error: string | null = null;
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-fourfold-event': delivery.event,
          'x-fourfold-delivery': delivery.id,
          'x-fourfold-signature': signatureOf(webhook.secret, seconds, delivery.body),
        },
        body: delivery.body,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      status = response.status;
      if (!response.ok) error = `the answer was ${status}`;
    } catch (cause) {
      error = messageOf(cause);
    }
    await this.#record({ kind: 'attempt', id: delivery.id, at: new Date().toISOString(), status, error });
    if (!this.#isOver(delivery) && !this.#isStopped) {
      this.#later(delivery, this.#pausesMs[delivery.attempts - 1] ?? MINUTE_MS);
    } else if (!delivery.isDelivered) {
      this.#options.note(`webhook ${webhook.url}: ${delivery.event} was not delivered: ${error}`);
    }
  }

  #run(work: () => Promise<void>): void {
    const mine: Promise<void> = work()
      .catch((error: unknown) => this.#options.note(`webhook: ${messageOf(error)}`))
      .finally(() => this.#underWay.delete(mine));
    this.#underWay.add(mine);
  }

  async #record(line: Line): Promise<void> {
    await this.#log.append([line]);
    this.#apply(line);
  }

  #apply(line: Line): void {
    if (line.kind === 'event') {
      const { id, event, at, body } = line;
      this.#deliveries.set(id, { id, event, at, body, attempts: 0, isDelivered: false, lastError: null });
      return;
    }
    const delivery = this.#deliveries.get(line.id);
    if (delivery === undefined) return;
    delivery.attempts++;
    delivery.isDelivered = line.error === null;
    delivery.lastError = line.error;
  }
}
