/** Encoders of other families than the built-in one, the whole way: tiny ones made from a seed. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EvidenceEnhancer } from '../../src/index.ts'
import { python } from '../support/echo-pool.ts'
import { repository } from '../support/import-graph.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()

let made = 0

/** Made as the tests of the Python side make them. */
function makeEncoder(make: 'write_modern' | 'write_qwen'): string {
  const path = join(folder.path, `${make}-${made++}`)
  const program = `
import sys, pathlib
sys.path.insert(0, ${JSON.stringify(join(repository, 'test/python'))})
import tiny_encoders
tiny_encoders.${make}(pathlib.Path(${JSON.stringify(path)}))
`
  execFileSync(python, ['-c', program])
  return path
}

const context = {
  taskId: 't',
  claim: 'the limit is above the errors',
  sources: [{ content: 'The limit is under the requests. Billing rose.' }, { content: 'Search fell.' }],
}

describe('another encoder', () => {
  test.each(['write_modern', 'write_qwen'] as const)('of %s makes the vectors of an answer', async make => {
    const embeddingModelPath = makeEncoder(make)
    await using enhancer = await EvidenceEnhancer.open({ embeddingModelPath, poolSize: 1, telemetry: false })
    const evidence = await enhancer.enhanceEvidence(context)
    expect(evidence).toMatchObject({ fallbackUsed: false, errors: [], confidenceMethod: 'similarity' })
    expect(evidence.metadata.embeddingVectors).toHaveLength(16)
    // One that reads questions by another beginning is asked for the claim on its own.
    expect(evidence.spent.calls).toBe(make === 'write_qwen' ? 2 : 1)
    const [asText] = await enhancer.embed([context.claim])
    const same = [...(asText as Float32Array)].every(
      (value, place) => Math.abs(value - (evidence.metadata.embeddingVectors?.[place] ?? 9)) < 1e-6,
    )
    expect(same).toBe(make === 'write_modern')
  })

  test('may have its vectors cut to their first numbers', async () => {
    const embeddingModelPath = makeEncoder('write_qwen')
    const settings = { embeddingModelPath, poolSize: 1, telemetry: false } as const
    await using whole = await EvidenceEnhancer.open(settings)
    await using short = await EvidenceEnhancer.open({ ...settings, embeddingDimensions: 8 })
    const [[vector], [cut]] = await Promise.all([whole.embed(['the limit']), short.embed(['the limit'])])
    const first = [...(vector as Float32Array).subarray(0, 8)]
    const length = Math.hypot(...first)
    expect(cut).toHaveLength(8)
    for (const [place, value] of first.entries()) expect(cut?.[place]).toBeCloseTo(value / length, 5)
    await expect(EvidenceEnhancer.open({ ...settings, embeddingDimensions: 17 })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
    })
  })
})
