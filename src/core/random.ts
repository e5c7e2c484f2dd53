// Seeded randomness: no Math.random and no clock anywhere in the mathematics.
// A seed is a hash of what the number is for (run, phase, step, item), so that the same item gives the same
// numbers whatever else is in its batch, and a resumed run goes on where it stopped with no state to restore.

/**
 * 32-bit hash of the parts (FNV-1a over their JSON text, finished with MurmurHash3's fmix32).
 * Sources: Fowler, Noll and Vo's FNV-1a; Appleby's MurmurHash3 finaliser (public domain).
 */
export function seedOf(...parts: ReadonlyArray<string | number>): number {
  let hash = 0x811c9dc5;
  for (const char of JSON.stringify(parts)) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A stream of random numbers from one seed. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Integer in [0, bound). */
  integer(bound: number): number;
}

/** mulberry32 (T. Ettinger, public domain): one 32-bit word of state, full period. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    uniform,
    // Box and Muller (1958), equation for one variate; 1 - u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer: (bound) => Math.floor(uniform() * bound),
  };
}

/** A new array with the items in random order (Fisher and Yates). */
export function shuffled<T>(items: ReadonlyArray<T>, random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const [a, b] = [result[i] as T, result[j] as T];
    result[i] = b;
    result[j] = a;
  }
  return result;
}
