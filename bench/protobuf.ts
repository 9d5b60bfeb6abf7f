/**
 * Protocol Buffers, the writing half, as far as ONNX files need it.
 *
 * Large byte fields are kept by reference and copied once, when the whole message is written out.
 *
 * @module
 */

const text = new TextEncoder();

/** Wire types of a field. */
const enum Wire {
  Varint = 0,
  Bytes = 2,
  Fixed32 = 5,
}

/** A message under construction. Every method appends one field and returns the message. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /** An `int64` or enum field; negative numbers take ten bytes, as the format wants. */
  int(field: number, value: number): this {
    return this.#append(varint(field << 3 | Wire.Varint), varint(value));
  }

  /** A `float` field. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#append(varint(field << 3 | Wire.Fixed32), bytes);
  }

  /** A `string` field. */
  text(field: number, value: string): this {
    return this.bytes(field, text.encode(value));
  }

  /** A `bytes` field; the bytes are not copied yet. */
  bytes(field: number, value: Uint8Array): this {
    return this.#append(varint(field << 3 | Wire.Bytes), varint(value.byteLength), value);
  }

  /** A nested message; changing it afterwards has no effect. */
  message(field: number, value: Message): this {
    return this.#append(varint(field << 3 | Wire.Bytes), varint(value.#size), ...value.#parts);
  }

  /** The whole message in one piece. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    let offset = 0;
    for (const part of this.#parts) {
      bytes.set(part, offset);
      offset += part.byteLength;
    }
    return bytes;
  }

  #append(...parts: Uint8Array[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.#size += part.byteLength;
    }
    return this;
  }
}

/** Seven bits a byte, lowest first. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return new Uint8Array([...bytes, Number(rest)]);
}
