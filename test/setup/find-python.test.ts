/** Which Python set-up takes, and what it says of those that it does not take. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findPython } from '../../src/setup/python.ts'
import { writePython, writeScript } from './fake-python.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'python-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('findPython()', () => {
  test('takes the first that fits', async () => {
    const candidates = [
      join(folder, 'not-there'),
      await writePython(folder, 'old', { version: [3, 9, 2] }),
      await writePython(folder, 'good', { version: [3, 13, 0] }),
      await writePython(folder, 'good-too'),
    ]
    expect(await findPython({ candidates })).toEqual({ executable: join(folder, 'good'), version: '3.13.0' })
  })

  test.each([
    ['too old', { version: [3, 10, 13] }],
    ['newer than the MLX packages', { version: [3, 15, 0] }],
    ['without venv or ensurepip', { ensurepip: false }],
    ['free-threaded', { free_threaded: true }],
    ['Apple silicon', { platform: 'darwin', machine: 'x86_64' }],
    ['MLX has no wheel', { machine: 'riscv64' }],
    ['Alpine', { libc: ['', ''] }],
    ['glibc 2.31', { libc: ['glibc', '2.31'] }],
  ])('says that one is %s', async (words, probe) => {
    const candidates = [await writePython(folder, 'python3', probe)]
    await expect(findPython({ candidates })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringMatching(new RegExp(`python3: .*${words}.*\nMend it: `, 's')),
    })
  })

  test('says what else a command turned out to be', async () => {
    const candidates = [
      await writeScript(folder, 'noise', 'echo hello'),
      await writeScript(folder, 'broken', 'echo no such version >&2; exit 127'),
    ]
    await expect(findPython({ candidates })).rejects.toMatchObject({
      message: expect.stringMatching(/noise: is not a Python.*broken: does not run \(no such version\)/s),
    })
  })

  test('looks at the given command only', async () => {
    const command = join(folder, 'mine')
    await expect(findPython({ command })).rejects.toMatchObject({
      message: expect.stringContaining('mine: not found'),
    })
  })

  test('throws the reason of an abort as it came', async () => {
    const reason = new Error('enough')
    await expect(findPython({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
