// Writes a computation as a graph that TensorFlow runs in one call (a SavedModel without variables), which spares the cost of
// calling each operation. Field numbers are those of tensorflow/core/protobuf/saved_model.proto, meta_graph.proto and
// tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape,versions}.proto.

/** Values of an attribute, as in attr_value.proto. */
export type AttributeValue =
  | { type: number }
  | { int: number }
  | { bool: boolean }
  | { float: number }
  | { tensor: { type: number; shape: number[]; bytes: Uint8Array } };

export const FLOAT = 1;
export const INT32 = 3;

/** The version of graphs that this one is written as: that of TensorFlow 2.16, which later ones read. */
const PRODUCER = 1882;

/** A message of protocol buffers under way. */
class Message {
  readonly #bytes: number[] = [];

  varint(field: number, value: number): this {
    this.#raw(field * 8);
    this.#raw(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#raw(field * 8 + 5);
    this.#bytes.push(...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#raw(field * 8 + 2);
    this.#raw(value.length);
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.done());
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  /** Seven bits at a time; negative numbers as 64 bits in two's complement. */
  #raw(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.#bytes.push(Number(rest));
  }
}

function attribute(value: AttributeValue): Message {
  const message = new Message();
  if ('type' in value) return message.varint(6, value.type);
  if ('int' in value) return message.varint(3, value.int);
  if ('bool' in value) return message.varint(5, value.bool ? 1 : 0);
  if ('float' in value) return message.float(4, value.float);
  const { type, shape, bytes } = value.tensor;
  const dimensions = new Message();
  for (const size of shape) dimensions.message(2, new Message().varint(1, size));
  return message.message(8, new Message().varint(1, type).message(2, dimensions).bytes(4, bytes));
}

/** A graph under way. A tensor is the name of the node that makes it, with `:1` for its second output. */
export class GraphBuilder {
  readonly #graph = new Message();
  readonly #constants = new Map<string, string>();
  #count = 0;

  /** An input. */
  placeholder(name: string, type: number): string {
    return this.#node(name, 'Placeholder', [], { dtype: { type } });
  }

  /** A node of its own name. */
  named(name: string, op: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string {
    return this.#node(name, op, inputs, attributes);
  }

  node(op: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string {
    this.#count += 1;
    return this.#node(`n${this.#count}`, op, inputs, attributes);
  }

  floats(shape: number[], values: number[]): string {
    return this.#constant(FLOAT, shape, Float32Array.from(values));
  }

  integers(shape: number[], values: number[]): string {
    return this.#constant(INT32, shape, Int32Array.from(values));
  }

  /** The file saved_model.pb. */
  done(): Uint8Array {
    this.#graph.message(4, new Message().varint(1, PRODUCER));
    const information = new Message().text(4, 'serve');
    const meta = new Message().message(1, information).message(2, this.#graph);
    return new Message().varint(1, 1).message(2, meta).done();
  }

  #constant(type: number, shape: number[], values: Float32Array | Int32Array): string {
    const key = `${type} [${shape}] ${values}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(values.buffer);
    const made = this.node('Const', [], { dtype: { type }, value: { tensor: { type, shape, bytes } } });
    this.#constants.set(key, made);
    return made;
  }

  #node(name: string, op: string, inputs: string[], attributes: Record<string, AttributeValue>): string {
    const node = new Message().text(1, name).text(2, op);
    for (const input of inputs) node.text(3, input);
    for (const [key, value] of Object.entries(attributes)) {
      node.message(5, new Message().text(1, key).message(2, attribute(value)));
    }
    this.#graph.message(1, node);
    return name;
  }
}
