/**
 * Binary buffers as typed arrays. They arrive as windows on larger buffers, at any offset:
 * both ends of the window count, and arrays of 4-byte numbers need an aligned copy.
 */

type Bytes = DataView | ArrayBuffer | Uint8Array;

export function bytes(buffer: Bytes): Uint8Array<ArrayBuffer> {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength);
}

function aligned(buffer: Bytes | undefined): ArrayBuffer {
  return buffer ? bytes(buffer).slice().buffer : new ArrayBuffer(0);
}

export function floats(buffer: Bytes | undefined): Float32Array {
  return new Float32Array(aligned(buffer));
}

export function ints(buffer: Bytes | undefined): Int32Array {
  return new Int32Array(aligned(buffer));
}

export function size(buffers: readonly Bytes[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
}
