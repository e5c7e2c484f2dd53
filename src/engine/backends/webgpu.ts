// The `webgpu` back end: tfjs on Dawn, from the optional package `webgpu`. Values come back only through
// `await tensor.data()`; this back end has no synchronous readback.
import { existsSync } from 'node:fs';
import { defineEmptySum } from '../composed/emptySum.ts';
import { defineLlamaLayer } from '../composed/llamaLayer.ts';
import { registerDecoder } from '../decoder.ts';
import * as tf from '../tf.ts';
import { registerKernelGradients } from '../wasm/gradients.ts';
import { defineAttention } from '../webgpu/attention.ts';
import { makeWebgpuDecoder } from '../webgpu/decoder.ts';
import { defineDecodingKernels } from '../webgpu/decodingKernels.ts';
import { BATCH, Dispatcher } from '../webgpu/dispatcher.ts';
import { defineLogProbs } from '../webgpu/logProbs.ts';
import { defineNorms } from '../webgpu/norms.ts';
import { defineOptimizer } from '../webgpu/optimizer.ts';
import { definePointwise } from '../webgpu/pointwise.ts';
import { defineProducts } from '../webgpu/products.ts';
import { defineRowKernels } from '../webgpu/rows.ts';
import { defineSampling } from '../webgpu/sampling.ts';

const DAWN: string = 'webgpu';
/** What a hardware adapter needs on Linux; without any, Dawn only finds a software adapter, and prints warnings. */
const LINUX_DEVICES = ['/dev/dri', '/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg'];
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i;

interface Adapter {
  readonly info?: Record<string, unknown> & { isFallbackAdapter?: boolean };
  readonly isFallbackAdapter?: boolean;
}
interface Gpu {
  requestAdapter(options: { powerPreference: string }): Promise<Adapter | null>;
}
interface Dawn {
  create(flags: string[]): Gpu;
  globals: Record<string, unknown>;
}

/** Starts WebGPU. A software adapter is taken only where the back end is asked for by name: wasm is faster. */
export async function startWebgpu(isNamed: boolean): Promise<void> {
  if (!isNamed && process.platform === 'linux' && !LINUX_DEVICES.some((path) => existsSync(path))) {
    throw new Error('this machine shows no graphics device');
  }
  const gpu = await provideGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new Error('no graphics adapter was found');
  if (!isNamed && isSoftware(adapter)) throw new Error('only a software adapter was found, which is slower than wasm');
  await import('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs refused to start it');
  if (tf.getKernel('FourfoldLinear', 'webgpu') == null) defineWebgpuKernels();
}

function defineWebgpuKernels(): void {
  tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', BATCH);
  const dispatcher = new Dispatcher(tf.backend());
  registerKernelGradients();
  defineProducts(dispatcher);
  defineRowKernels(dispatcher);
  defineNorms(dispatcher);
  definePointwise(dispatcher);
  defineOptimizer(dispatcher);
  defineAttention(dispatcher);
  defineLogProbs(dispatcher);
  defineSampling(dispatcher);
  defineDecodingKernels(dispatcher);
  defineEmptySum();
  defineLlamaLayer();
  registerDecoder('webgpu', (model, size) => makeWebgpuDecoder(dispatcher, model, size));
}

let provided: Gpu | null = null;

/** Puts Dawn where the back end looks for it: navigator.gpu and the WebGPU globals. */
async function provideGpu(): Promise<Gpu> {
  if (provided !== null) return provided;
  let dawn: Dawn;
  try {
    dawn = (await import(DAWN)) as Dawn;
  } catch (cause) {
    throw new Error('the optional package webgpu is not installed or does not load here', { cause });
  }
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  Object.defineProperty(Reflect.get(globalThis, 'navigator'), 'gpu', { value: gpu, configurable: true });
  provided = gpu;
  return gpu;
}

function isSoftware(adapter: Adapter): boolean {
  const info = adapter.info;
  if (adapter.isFallbackAdapter === true || info?.isFallbackAdapter === true) return true;
  const words = ['vendor', 'architecture', 'device', 'description'].map((key) => String(info?.[key] ?? ''));
  return SOFTWARE.test(words.join(' '));
}
