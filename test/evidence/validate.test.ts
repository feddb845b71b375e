/** The last look before an answer leaves catches every fault that it is there for. */
import { describe, expect, test } from 'vitest'
import type { Findings } from '../../src/evidence/result.ts'
import { validateFindings } from '../../src/evidence/validate.ts'

const contents = new Map([
  ['a', 'The gate was open. It rained.'],
  ['b', 'Nothing.'],
])
const sound: Findings = {
  verdict: 'unverified',
  confidence: 0.8,
  confidenceMethod: 'similarity',
  calibration: 'none',
  aiAnalysis: 'Closest: “The gate was open.”',
  citations: [
    { sourceId: 'a', start: 0, end: 18, text: 'The gate was open.', stance: 'neutral', score: 0.8 },
  ],
  assessments: [
    { sourceId: 'a', relevance: 0.8 },
    { sourceId: 'b', relevance: 0 },
  ],
  relatedEvidence: [{ claim: 'The gate was open.', similarity: 0.8, source: 'a' }],
  enhancements: [],
  coverage: { sources: 2, sourcesRead: 1, passages: 2, passagesRead: 1, characters: 37, charactersRead: 18 },
  plan: 'at once',
  timings: [],
  trace: { hash: '', exactHash: '', steps: [] },
  spent: { calls: 1, tokens: 1, workerMs: 1, nanoUsd: 0 },
  fallbackUsed: false,
  errors: [],
  warnings: [],
  metadata: {
    processor: 'evidence-runner',
    processorVersion: '0',
    mlxModel: null,
    embeddingModel: 'm',
    embeddingRevision: 'r',
    mlxModelLoaded: true,
    realMLXInference: true,
    analysisMethod: 'extractive',
    confidenceMethod: 'similarity',
    vectorSimilarityUsed: true,
    mlxConfidenceScores: [0.8],
    embeddingVectors: [1],
  },
}
const [citation] = sound.citations
const faults: [what: string, change: Partial<Findings>, reason: RegExp][] = [
  ['no analysis', { aiAnalysis: '' }, /no analysis/],
  ['a source without an assessment', { assessments: sound.assessments.slice(1) }, /1 of 2 sources/],
  ['a citation one character off', { citations: [{ ...citation!, start: 1, end: 19 }] }, /a at 1 to 19/],
  ['a citation of another source', { citations: [{ ...citation!, sourceId: 'b' }] }, /citation of b/],
  ['a citation of no source', { citations: [{ ...citation!, sourceId: 'c' }] }, /citation of c/],
  ['an empty citation', { citations: [{ ...citation!, end: 0, text: '' }] }, /not what stands there/],
  ['a citation that the analysis leaves out', { aiAnalysis: 'Trust me.' }, /does not quote/],
  ['a confidence over 1', { confidence: 1.01 }, /confidence is 1.01/],
  ['a confidence below 0', { confidence: -0.1 }, /confidence is -0.1/],
  ['a confidence that is no number', { confidence: Number.NaN }, /confidence is NaN/],
  ['confidence without a citation', { citations: [] }, /cites nothing/],
  ['a verdict that nothing verified', { verdict: 'supported' }, /supported and nothing verified it/],
  [
    'a similarity out of range',
    { relatedEvidence: [{ claim: 'x', similarity: 1.1, source: 'a' }] },
    /similarity/,
  ],
  [
    'a similarity that is no number',
    { relatedEvidence: [{ claim: 'x', similarity: Number.NaN, source: 'a' }] },
    /similarity/,
  ],
  ['a fallback without its reason', { fallbackUsed: true }, /gives no reason/],
]

describe('validateFindings()', () => {
  test('lets a sound answer pass', () => {
    expect(() => validateFindings(sound, contents)).not.toThrow()
  })

  test.each(faults)('holds back an answer with %s', (_what, change, reason) => {
    expect(() => validateFindings({ ...sound, ...change }, contents)).toThrow(
      expect.objectContaining({
        name: 'RejectedError',
        code: 'ER_REJECTED',
        message: expect.stringMatching(reason),
      }),
    )
  })
})
