/**
 * A configured verifier, the whole way: a tiny classifier made from a seed beside the real encoder, asked for
 * each passage, its chances in the answer; without it what stands in, and says so.
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EvidenceEnhancer, type EvidenceEnhancerConfig } from '../../src/index.ts'
import { repository } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const python = join(repository, 'python/.venv/bin/python')

/** A checkpoint with the labels of inference, or with one output as rerankers have it. */
function makeVerifier(name: string, outputs: 1 | 3): string {
  const path = join(folder.path, name)
  const labels = outputs === 1 ? '{"0": "LABEL_0"}' : 'INFERENCE_LABELS'
  const program = `
import sys, pathlib
sys.path.insert(0, ${JSON.stringify(join(repository, 'test/python'))})
from tiny_classifiers import *
folder = pathlib.Path(${JSON.stringify(path)})
folder.mkdir()
write_classifier(folder, make_config("bert", ${labels}))
`
  execFileSync(python, ['-c', program])
  return path
}

const context = {
  taskId: 't',
  claim: 'the limit is above the errors',
  sources: [{ content: 'The limit is under the requests.\n\nBilling rose.' }, { content: 'Search fell.' }],
}

const open = (config: EvidenceEnhancerConfig) =>
  EvidenceEnhancer.open({ poolSize: 1, telemetry: false, ...config })

describe('a configured verifier', () => {
  test.each([3, 1] as const)('with %i outputs judges every passage', async outputs => {
    const verifier = makeVerifier(`verifier-${outputs}`, outputs)
    await using enhancer = await open({ verifier })
    const evidence = await enhancer.enhanceEvidence(context)
    expect(evidence).toMatchObject({
      confidenceMethod: 'verifier',
      calibration: 'uncalibrated',
      fallbackUsed: false,
      errors: [],
      metadata: { verificationModel: expect.stringMatching(`^verifier-${outputs}@`) },
    })
    expect(evidence.spent.calls).toBe(2)
    const { refutes, supports, neither } = evidence.assessments[1]?.probabilities ?? {}
    expect((refutes ?? 0) + (supports ?? 0) + (neither ?? 0)).toBeCloseTo(1, 9)

    // Another judge, another answer: chances differ from the head's.
    await using without = await open({})
    const byHead = await without.enhanceEvidence(context)
    expect(byHead.confidenceMethod).toBe('head')
    expect(byHead.probabilities).not.toEqual(evidence.probabilities)
  })

  test('that is gone is told at the start, by its name', async () => {
    const verifier = makeVerifier('gone', 3)
    rmSync(join(verifier, 'model.safetensors'))
    await expect(open({ verifier })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringContaining('gone'),
    })
  })

  test('has its tokens in the budget, beside those of the encoder', async () => {
    const verifier = makeVerifier('counted', 3)
    await using enhancer = await open({ verifier })
    await using without = await open({})
    const [asked, plain] = [await enhancer.enhanceEvidence(context), await without.enhanceEvidence(context)]
    expect(asked.spent.tokens).toBeGreaterThan(plain.spent.tokens * 1.5)
    const other = { ...context, claim: 'the limit is not above the errors' }
    await expect(enhancer.enhanceEvidence(other, { budget: { tokens: 3 } })).rejects.toMatchObject({
      code: 'ER_BUDGET_REFUSED',
    })
  })
})
