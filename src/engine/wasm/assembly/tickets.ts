// How threads share one call of many phases. The work is cut into pieces, numbered through all phases; a thread takes the
// next number, waits until every piece of the earlier phases is done, and computes its own. A thread that does not come
// holds nothing up; one that dies with a piece taken is an error after a while, never a wrong result.

/** Looks at the count of finished pieces before sleeping: some 200 µs, many times a piece. */
const SPINS: i32 = 100_000;
const SLEEP_NS: i64 = 100_000;
/** Sleeps until the others are taken for dead: a minute at least. */
const PATIENCE: i32 = 600_000;

/** Where the two counts lie: pieces taken at `control`, pieces done 64 bytes on. */
const DONE: usize = 64;

/** Bytes of a control block. */
export const TICKETS_SIZE: i32 = 128;

/** The next piece. */
export function takeTicket(control: usize): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(control, 1);
  const ticket = load<i32>(control);
  store<i32>(control, ticket + 1);
  return ticket;
}

/** Says that one more piece is done. */
export function finishTicket(control: usize): void {
  if (ASC_FEATURE_THREADS) atomic.add<i32>(control + DONE, 1);
  else store<i32>(control + DONE, load<i32>(control + DONE) + 1);
}

/** Waits until at least `count` pieces are done. */
export function awaitTickets(control: usize, count: i32): void {
  if (!ASC_FEATURE_THREADS) return;
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(control + DONE) >= count) return;
  for (let i = 0; i < PATIENCE; i++) {
    const done = atomic.load<i32>(control + DONE);
    if (done >= count) return;
    atomic.wait<i32>(control + DONE, done, SLEEP_NS);
  }
  unreachable();
}
