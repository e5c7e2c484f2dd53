// A reply as server-sent events: one JSON object a piece, [DONE] at the end.
// Form: https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { FastifyReply } from 'fastify';

export interface EventStream {
  send(data: object): void;
  /** The mark of the end. */
  done(): void;
  /** An error in place of the rest. */
  fail(data: object): void;
}

/** A client that reads so slowly that this much waits for it is cut off. */
const MOST_WAITING_BYTES = 8 * 2 ** 20;

/** Takes the reply over from Fastify. */
export function eventStream(reply: FastifyReply): EventStream {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'x-content-type-options': 'nosniff',
  });
  const write = (text: string) => {
    if (raw.destroyed || raw.writableEnded) return;
    raw.write(`data: ${text}\n\n`);
    if (raw.writableLength > MOST_WAITING_BYTES) raw.destroy();
  };
  return {
    send: (data) => write(JSON.stringify(data)),
    done() {
      write('[DONE]');
      raw.end();
    },
    fail(data) {
      write(JSON.stringify(data));
      raw.end();
    },
  };
}
