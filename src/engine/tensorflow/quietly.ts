// Runs what makes TensorFlow talk with standard error shut: loading its library, and the first run of a graph.
import type { Hush } from '../install/hushModule.ts';

let hush: Hush | null = null;

/** Gives the module that shuts standard error; null where there is none, or all is to be heard. */
export function setHush(given: Hush | null): void {
  hush = given;
}

export function quietly<T>(run: () => T): T {
  hush?.shut();
  try {
    return run();
  } finally {
    hush?.open();
  }
}
