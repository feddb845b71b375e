/** Safetensors: what is written is read again, and what is broken is refused. */
import { describe, expect, test } from 'vitest'
import { readTensors, tensorFile } from '../../../src/evidence/head/safetensors.ts'

const whole = () =>
  tensorFile(
    {
      bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
      matrix: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 4) },
      counts: { dtype: 'I32', shape: [1], data: Int32Array.of(-7) },
    },
    { name: 'tést' },
  )

/** A file with this header and eight bytes of numbers. */
function fileWith(header: string): Uint8Array {
  const text = new TextEncoder().encode(header)
  const file = new Uint8Array(16 + text.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  return file
}

describe('safetensors', () => {
  test('gives back what was written, wherever the bytes lie', () => {
    const file = whole()
    const moved = new Uint8Array(file.length + 3)
    moved.set(file, 3)
    for (const bytes of [file, moved.subarray(3), Buffer.from(moved.buffer, 3)]) {
      const { metadata, tensors } = readTensors(bytes)
      expect(metadata).toEqual({ name: 'tést' })
      expect(tensors.get('matrix')).toEqual({
        dtype: 'F32',
        shape: [2, 2],
        data: Float32Array.of(1, -2, 0.5, 4),
      })
      expect(tensors.get('bytes')?.data).toEqual(Uint8Array.of(1, 2, 3))
      expect(tensors.get('counts')?.data).toEqual(Int32Array.of(-7))
    }
  })

  test('no prefix of a file is taken for a file', () => {
    const file = whole()
    for (let length = 0; length < file.length; length += 1)
      expect(() => readTensors(file.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'ER_MODEL_LOAD' }),
      )
  })

  test.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['an unknown type', '{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'],
    ['more numbers than there are', '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'],
    ['a shape that does not fit', '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}'],
    ['places in the wrong order', '{"a":{"dtype":"U8","shape":[2],"data_offsets":[4,2]}}'],
    ['metadata that are no texts', '{"__metadata__":{"n":1}}'],
  ])('refuses %s', (_, header) => {
    expect(() => readTensors(fileWith(header))).toThrow(expect.objectContaining({ code: 'ER_MODEL_LOAD' }))
  })

  test('refuses a header that claims to be huge', () => {
    const file = new Uint8Array(64).fill(0xff)
    expect(() => readTensors(file)).toThrow(expect.objectContaining({ code: 'ER_MODEL_LOAD' }))
  })
})
