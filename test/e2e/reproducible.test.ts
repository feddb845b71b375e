/**
 * The same request, the same trace: to the last bit with `reproducible`, whatever else the workers do meanwhile;
 * in decisions and texts always, with whichever matrix library.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyTrace } from '../../src/core/trace-check.ts'
import { EvidenceEnhancer } from '../../src/index.ts'
import { makeEnvironment } from '../support/bare-environment.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const context = {
  taskId: 't',
  claim: 'The north gate was open at nine.',
  sources: [
    { content: 'The north gate was opened by the guard.\n\nAt ten the south gate was closed again.' },
    { content: 'Soup was served at noon.\n\nThe north gate stood open at nine, as every day.' },
  ],
}
const others = Array.from({ length: 12 }, (_, index) => ({
  taskId: `other ${index}`,
  claim: `Lamp ${index} was lit before the evening came.`,
  sources: [{ content: `Lamp ${index} was lit. ${'The keeper walked on along the wall. '.repeat(index)}` }],
}))

test('reproducible: the same exact hash whatever else runs, and in another pool', async () => {
  const hashes: string[] = []
  for (const poolSize of [1, 2]) {
    await using enhancer = await EvidenceEnhancer.open({ poolSize, maxCacheSize: 0 })
    const alone = await enhancer.enhanceEvidence(context, { reproducible: true })
    const [amid] = await Promise.all([
      EvidenceEnhancer.open({ poolSize: 1 }).then(async another => {
        await using closing = another
        return await closing.enhanceEvidence(context, { reproducible: true })
      }),
      enhancer.enhanceEvidence({ ...context, taskId: 'u' }, { reproducible: true }),
      ...others.map(other => enhancer.enhanceEvidence(other)),
    ])
    expect(verifyTrace(amid.trace)).toBeUndefined()
    hashes.push(alone.trace.exactHash, amid.trace.exactHash)
  }
  expect(new Set(hashes).size).toBe(1)
})

test('without, the portable hash is the same, amid other requests and in batches of any make-up', async () => {
  await using enhancer = await EvidenceEnhancer.open({ poolSize: 1 })
  const [amid] = await Promise.all([
    enhancer.enhanceEvidence(context),
    ...others.map(other => enhancer.enhanceEvidence(other)),
  ])
  await using another = await EvidenceEnhancer.open({ poolSize: 1 })
  expect((await another.enhanceEvidence(context)).trace.hash).toBe(amid.trace.hash)
})

test('the portable hash is the same with the fast matrix library and with the wheel’s own', async () => {
  const python = makeEnvironment(join(folder.path, 'slow'))
  const [hashes, libraries]: [string[], string[]] = [[], []]
  for (const config of [{}, { python }]) {
    await using enhancer = await EvidenceEnhancer.open({ poolSize: 1, ...config })
    hashes.push((await enhancer.enhanceEvidence(context)).trace.hash)
    libraries.push(String(enhancer.stats().pool?.workers[0]?.facts['blas']))
  }
  expect(new Set(libraries).size).toBe(2)
  expect(hashes[1]).toBe(hashes[0])
})
