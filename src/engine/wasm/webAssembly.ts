// The part of the WebAssembly interface used here; its types otherwise come with the browser's.

export interface WebAssemblyMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

export interface WebAssemblyInterface {
  validate(code: Uint8Array): boolean;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: { env: { memory: WebAssemblyMemory } }) => { exports: object };
}

export const webAssembly = Reflect.get(globalThis, 'WebAssembly') as WebAssemblyInterface;
