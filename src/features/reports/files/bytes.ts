// Files are written byte by byte: what most values are is copied as it came, and only the few that need it become texts.

import { isUtf8 } from 'node:buffer';

const FIRST_BYTES = 64 * 1024;

/** Bytes that grow. Whoever adds asks for the room first. */
export class Output {
  bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  length = 0;

  /** Makes room for `more` bytes; `bytes` may be another buffer afterwards. */
  need(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  text(text: string): void {
    this.need(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.need(end - start);
    const { bytes } = this;
    let at = this.length;
    for (let n = start; n < end; n++) bytes[at++] = from[n] as number;
    this.length = at;
  }

  add(bytes: Uint8Array): void {
    this.copy(bytes, 0, bytes.length);
  }

  between([before, after]: readonly [Uint8Array, Uint8Array], from: Uint8Array, start: number, end: number): void {
    this.add(before);
    this.copy(from, start, end);
    this.add(after);
  }

  /** What was added since the last call, as a copy. A database without an encoding may have given what is no UTF-8. */
  take(): Buffer {
    const taken = Buffer.from(this.bytes.subarray(0, this.length));
    this.length = 0;
    return isUtf8(taken) ? taken : Buffer.from(taken.toString());
  }
}

/** 1 for each of these bytes. */
export function tableOf(bytes: Iterable<number>): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of bytes) table[byte] = 1;
  return table;
}
