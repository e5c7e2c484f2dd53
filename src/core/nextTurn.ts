// A turn for everyone else. The wasm and cpu back ends compute on this thread, and awaiting what they have computed yields
// to microtasks only: without a turn now and then no signal (Ctrl-C), timer or socket is heard until all is done.
import { FourfoldError } from './errors.ts';

/** Resolves after the event loop has looked at signals, timers and sockets: some microseconds where there is nothing. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As nextTurn. @throws interrupted where the signal is aborted by then, `what` being what was stopped ('Scoring'). */
export async function nextTurnUnlessStopped(signal: AbortSignal | undefined, what: string): Promise<void> {
  await nextTurn();
  if (signal?.aborted) throw new FourfoldError('interrupted', `${what} was stopped.`);
}
