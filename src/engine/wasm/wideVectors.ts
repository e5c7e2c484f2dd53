// Vectors of 256 bits out of WebAssembly's 128: V8 from version 13 (Node 24) can join two neighbouring vector operations into
// one of AVX2 when it compiles a module, behind a flag that it calls experimental. Twice the multiply-adds a cycle.
//
// The flag is on only while our own kernels are compiled, all of them at once and by the optimising compiler, so that nothing
// else of the program is touched. The joined code computes the same bits, which tests hold over every kernel.
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
