/** Dropping a symbol prefix from a shared library. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { locateEnvironment } from '../../src/setup/environment.ts'
import { inspectEnvironment } from '../../src/setup/inspection.ts'
import { withoutSymbolPrefix } from '../../src/setup/unprefix-blas.ts'

describe.runIf(process.platform === 'linux')('withoutSymbolPrefix() on the packaged OpenBLAS', async () => {
  const { modelFolder, folder, python } = await locateEnvironment()
  const wheel = join(modelFolder, '..', '..', 'scipy_openblas32', 'lib', 'libscipy_openblas.so')

  test('makes a library whose cblas_sgemm multiplies rightly', async () => {
    const copy = join(folder, 'blas', 'libopenblas.so')
    expect(withoutSymbolPrefix(await readFile(wheel)).equals(await readFile(copy))).toBe(true)
    const { blas } = await inspectEnvironment(python, copy, folder)
    expect(blas).toEqual({ detail: expect.stringMatching(/^\w+$/) })
  })

  test('leaves the rest of the file alone', async () => {
    const before = await readFile(wheel)
    const after = withoutSymbolPrefix(before)
    expect(after.length).toBe(before.length)
    let firstChange = 0
    while (before[firstChange] === after[firstChange]) firstChange += 1
    // Past the headers: the first section is a note, the look-up table comes next.
    expect(firstChange).toBeGreaterThanOrEqual(0x270)
  })

  test('refuses a library without the prefix, or one cut short', async () => {
    const bytes = await readFile(wheel)
    expect(() => withoutSymbolPrefix(bytes, 'nobody_')).toThrow('none of its symbols has it')
    expect(() => withoutSymbolPrefix(bytes.subarray(0, 100_000))).toThrow('cut short')
  })
})

test('withoutSymbolPrefix() refuses what is no ELF file', () => {
  expect(() => withoutSymbolPrefix(Buffer.from('MZ'))).toThrow('no 64-bit little-endian ELF file')
  expect(() => withoutSymbolPrefix(Buffer.alloc(100))).toThrow('no 64-bit little-endian ELF file')
})
