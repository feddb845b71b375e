/** The weights' hash and when it is taken again. */

import { createHash } from 'node:crypto'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PythonEnvironment, verifyWeights } from '../../src/setup/environment.ts'

const right = 'the right weights'
const wrong = 'the wrong weights'
const sha256 = createHash('sha256').update(right).digest('hex')
const someTime = new Date('2026-01-02T03:04:05Z')

let folder: string
let file: string
let environment: PythonEnvironment

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'))
  file = join(folder, 'model.safetensors')
  environment = {
    folder,
    python: join(folder, 'bin', 'python'),
    modelFolder: folder,
    blasLibrary: undefined,
    weightsSha256: sha256,
    source: 'home',
  }
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(content: string, time = someTime): Promise<void> {
  await writeFile(file, content)
  await utimes(file, time, time)
}

describe('verifyWeights()', () => {
  test('accepts the expected file', async () => {
    await write(right)
    expect(await verifyWeights(environment)).toEqual({ sha256 })
  })

  test('says which file is missing and what brings it', async () => {
    await expect(verifyWeights(environment)).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringMatching(/model\.safetensors.*Mend it: sh scripts\/setup/),
    })
  })

  test('refuses another file and names both hashes', async () => {
    await write(wrong)
    await expect(verifyWeights(environment)).rejects.toMatchObject({
      code: 'ER_MODEL_MISMATCH',
      message: expect.stringContaining(sha256),
    })
  })

  test('does not hash again while size and time stay, and does once the time changes', async () => {
    await write(right)
    await verifyWeights(environment)
    await write(wrong)
    expect(await verifyWeights(environment)).toEqual({ sha256 })
    await write(wrong, new Date('2026-01-02T03:04:06Z'))
    await expect(verifyWeights(environment)).rejects.toMatchObject({ code: 'ER_MODEL_MISMATCH' })
  })

  test('hashes again when the size changes', async () => {
    await write(right)
    await verifyWeights(environment)
    await write(`${wrong} `)
    await expect(verifyWeights(environment)).rejects.toMatchObject({ code: 'ER_MODEL_MISMATCH' })
  })

  test('works where no stamp can be written', async () => {
    await write(right)
    const unwritable = { ...environment, folder: join(folder, 'missing') }
    expect(await verifyWeights(unwritable)).toEqual({ sha256 })
  })
})
