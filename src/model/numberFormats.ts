// The number formats of safetensors files: which are known, which can be read, and the way from and to float32.
// Half precision and bfloat16: IEEE 754-2019, 3.6; bfloat16 is the upper half of a float32.
import { FourfoldError } from '../core/errors.ts';

/** Bytes an element of every format that safetensors names in whole bytes. */
export const BYTES_PER_ELEMENT = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, C64: 8 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
} as const;
export type NumberFormat = keyof typeof BYTES_PER_ELEMENT;

/** Formats whose values can be read as float32. */
export const READABLE = ['F32', 'F16', 'BF16', 'F64'] as const;
export type ReadableFormat = (typeof READABLE)[number];

/** Formats that are written. */
export const WRITABLE = ['F32', 'BF16'] as const;
export type WritableFormat = (typeof WRITABLE)[number];

/** The names that options and config.json have for what is written. */
export const DTYPES = { float32: 'F32', bfloat16: 'BF16' } as const satisfies Record<string, WritableFormat>;
export type Dtype = keyof typeof DTYPES;
/** The option's values, for a schema. */
export const DTYPE_NAMES = ['float32', 'bfloat16'] as const satisfies ReadonlyArray<Dtype>;

export const isNumberFormat = (name: string): name is NumberFormat => Object.hasOwn(BYTES_PER_ELEMENT, name);
export const isReadable = (format: NumberFormat): format is ReadableFormat =>
  READABLE.some((readable) => readable === format);

let halves: Float32Array | null = null;

/** Every half-precision number by its bits. */
function halfTable(): Float32Array {
  if (halves !== null) return halves;
  halves = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return halves;
}

/**
 * Values of a readable format into float32, in their order. A float64 is rounded to the nearest float32.
 * @param bytes little-endian, a whole number of elements
 * @param target as long as there are elements
 */
export function decodeInto(format: ReadableFormat, bytes: Uint8Array, target: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case 'F32':
      new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes);
      return;
    case 'F64':
      for (let i = 0; i < target.length; i++) target[i] = view.getFloat64(8 * i, true);
      return;
    case 'F16': {
      const table = halfTable();
      for (let i = 0; i < target.length; i++) target[i] = table[view.getUint16(2 * i, true)] as number;
      return;
    }
    case 'BF16': {
      const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
      for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(2 * i, true) << 16;
      return;
    }
    default:
      throw new FourfoldError('internal', `Expected a readable number format, got ${format satisfies never}.`);
  }
}

/** The upper half of a float32, rounded to the nearest, ties to even; what is no number stays none. */
function toBrain(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    const isNoNumber = (word & 0x7fffffff) > 0x7f800000;
    result[i] = isNoNumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return result;
}

/** The bytes of float32 values in a format; for F32 a view of the values themselves. */
export function encode(format: WritableFormat, values: Float32Array): Uint8Array {
  const encoded = format === 'F32' ? values : toBrain(values);
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}
