// Vectors of 256 bits out of WebAssembly's 128: V8 from version 13 (Node 24) can join two neighbouring vector operations into
// one of AVX2 when it compiles a module, behind a flag that it calls experimental. Twice the multiply-adds a cycle.
//
// The flag is on only while our own kernels are compiled, all of them at once and by the optimising compiler, so that nothing
// else of the program is touched. The joined code computes the same bits, which tests hold over every kernel.
import { isAscii } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import { webAssembly } from './webAssembly.ts';

/**
 * The versions whose joining the kernels were tested with: those of Node 24 to 26. That of Node 22 knows the flag and joins
 * hardly anything; a fault of one to come would end the process.
 */
const KNOWN_V8 = [13, 14];

/** Whether this runtime joins vectors. `FOURFOLD_WASM_VECTORS=128` forbids it. */
export function joinsVectors(): boolean {
  if (process.env.FOURFOLD_WASM_VECTORS === '128') return false;
  return process.arch === 'x64' && KNOWN_V8.includes(Number.parseInt(process.versions.v8, 10));
}

const WHILE_COMPILING = [
  'experimental-wasm-revectorize',
  'no-liftoff',
  'no-wasm-tier-up',
  'no-wasm-lazy-compilation',
  'no-wasm-inlining',
];
const AFTERWARDS = [
  'no-experimental-wasm-revectorize',
  'liftoff',
  'wasm-tier-up',
  'wasm-lazy-compilation',
  'wasm-inlining',
];

/** Compiles all of a module at once with vectors joined. */
export function compileJoined(code: Uint8Array): object {
  const set = (flags: string[]): void => setFlagsFromString(flags.map((flag) => `--${flag}`).join(' '));
  set(WHILE_COMPILING);
  try {
    return new webAssembly.Module(code);
  } finally {
    set(AFTERWARDS);
  }
}

/** Long enough for the vector code of Node's check. */
const LETTERS = new Uint8Array(64).fill(65);

/**
 * The kernels, each leaving the registers clean. V8 does not clear the upper halves of those that joined code has used, and until
 * something does, some instructions of the program's other code take 100 ns instead of one (Math.exp: 145 ns instead of 7).
 * Node's check for ASCII is vector code whose compiler did clear them: 0.1 µs.
 */
export function leavingCleanRegisters<Kernels extends object>(kernels: Kernels): Kernels {
  const wrapped = Object.entries(kernels).map(([name, kernel]) => {
    if (typeof kernel !== 'function') return [name, kernel];
    const run = (...values: number[]): unknown => {
      const result = kernel(...values);
      isAscii(LETTERS);
      return result;
    };
    return [name, run];
  });
  return Object.fromEntries(wrapped) as Kernels;
}
