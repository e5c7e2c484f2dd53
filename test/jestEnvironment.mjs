// Jest gives every test file a realm of its own, in which `value instanceof Float32Array` is false for arrays
// that come from Node's own modules. tfjs decides by instanceof, so the realm shares the host's typed arrays.
import { TestEnvironment } from 'jest-environment-node';

const SHARED = [
  ArrayBuffer,
  SharedArrayBuffer,
  Float32Array,
  Float64Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

export default class HostArraysEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const type of SHARED) this.global[type.name] = type;
    // The buffer of a WebAssembly memory is of the realm whose WebAssembly made it.
    this.global.WebAssembly = WebAssembly;
  }
}
