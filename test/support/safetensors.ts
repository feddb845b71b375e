/** Writes safetensors files for tests: tensors of zeros, or of given bytes, with the header that belongs to them. */
import { open } from 'node:fs/promises'

/** Bytes of one value, by what safetensors calls it. */
const widths: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, U32: 4, I64: 8, U8: 1 }

/** What to write: the kind of value and the shape of each tensor. */
export type Tensors = Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>

/** Writes `file`, sparse, so that gigabytes cost nothing. @returns its size in bytes. */
export async function writeSafetensors(file: string, tensors: Tensors): Promise<number> {
  let offset = 0
  const header: Record<string, unknown> = { __metadata__: { format: 'mlx' } }
  for (const [name, [dtype, shape]] of Object.entries(tensors)) {
    const bytes = shape.reduce((product, size) => product * size, 1) * (widths[dtype] as number)
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] }
    offset += bytes
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const handle = await open(file, 'w')
  try {
    await handle.write(Buffer.concat([length, text]))
    await handle.truncate(8 + text.length + offset)
  } finally {
    await handle.close()
  }
  return 8 + text.length + offset
}
