/** Completeness, citation integrity and consistency catch every fault that they are there for. */
import { describe, expect, test } from 'vitest'
import { citationIntegrity } from '../../../src/evidence/validation/citation-integrity.ts'
import { completeness } from '../../../src/evidence/validation/completeness.ts'
import { consistency } from '../../../src/evidence/validation/consistency.ts'
import { validate } from '../../../src/evidence/validation/pipeline.ts'
import { defect } from '../../../src/evidence/validation/rejection.ts'
import type { CheckedFindings } from '../../../src/evidence/validation/subject.ts'
import { abstained, contents, disputed, fallback, subjectOf, supported } from './sound.ts'

const validators = [completeness, citationIntegrity, consistency()]
const reportOn = (findings: CheckedFindings, change: Partial<CheckedFindings> = {}) =>
  validate(subjectOf(findings, change), validators)

const [citation] = supported.citations as [CheckedFindings['citations'][number]]
const { assessments, coverage, probabilities } = supported
type Change = [what: string, check: string, change: Partial<CheckedFindings>, reason: RegExp]

const bugs: Change[] = [
  ['no analysis', 'completeness', { aiAnalysis: ' ' }, /no analysis/],
  ['a source without an assessment', 'completeness', { assessments: assessments.slice(1) }, /1 of 2 sources/],
  ['a source assessed twice', 'completeness', { assessments: [assessments[0]!, assessments[0]!] }, /twice/],
  [
    'an assessment of no source',
    'completeness',
    { assessments: [assessments[0]!, { sourceId: 'c', relevance: 0 }] },
    /does not assess b/,
  ],
  ['a wrong count of sources', 'completeness', { coverage: { ...coverage, sources: 3 } }, /3 sources.* 2/],
  [
    'more read than there is',
    'completeness',
    { coverage: { ...coverage, passagesRead: 4 } },
    /4 of 3 passages/,
  ],
  [
    'no number of what was read',
    'completeness',
    { coverage: { ...coverage, sourcesRead: Number.NaN } },
    /NaN of 2/,
  ],
  ['no plan', 'completeness', { plan: '' }, /which plan/],
  ['a fallback without its reason', 'completeness', { fallbackUsed: true }, /gives no reason/],
  ['an empty error', 'completeness', { errors: [{ code: 'ER_INPUT', message: '' }] }, /errors says nothing/],
  ['an empty warning', 'completeness', { warnings: [''] }, /warnings says nothing/],
  [
    'a citation one character off',
    'citation-integrity',
    { citations: [{ ...citation, start: 1, end: 19 }] },
    /a at 1 to 19 is not what/,
  ],
  [
    'a citation of another source',
    'citation-integrity',
    { citations: [{ ...citation, sourceId: 'b' }] },
    /of b/,
  ],
  ['a citation of no source', 'citation-integrity', { citations: [{ ...citation, sourceId: 'c' }] }, /of c/],
  [
    'offsets from the end',
    'citation-integrity',
    { citations: [{ ...citation, start: -contents.get('a')!.length }] },
    /is not what/,
  ],
  [
    'an empty citation',
    'citation-integrity',
    { citations: [{ ...citation, end: 0, text: '' }] },
    /is not what/,
  ],
  [
    'half a character',
    'citation-integrity',
    { citations: [{ ...citation, start: 30, end: 31, text: '\ud83d' }] },
    /cuts a character/,
  ],
  ['the same citation twice', 'citation-integrity', { citations: [citation, citation] }, /twice/],
  ['a citation that the analysis leaves out', 'citation-integrity', { aiAnalysis: 'Trust me.' }, /not quote/],
  ['a score over 1', 'citation-integrity', { citations: [{ ...citation, score: 1.2 }] }, /score of 1.2/],
  [
    'a stance that is none',
    'citation-integrity',
    {
      citations: [
        { ...citation, stance: 'likes' as 'neutral' },
        { ...citation, start: 4, end: 18 },
      ],
    },
    /stance likes/,
  ],
  [
    'a similarity out of range',
    'citation-integrity',
    { relatedEvidence: [{ claim: 'x', similarity: 1.1, source: 'elsewhere' }] },
    /similarity of 1.1/,
  ],
  [
    'a similarity that is no number',
    'citation-integrity',
    { relatedEvidence: [{ claim: 'x', similarity: Number.NaN, source: 'elsewhere' }] },
    /similarity of NaN/,
  ],
  [
    'a related passage that is not there',
    'citation-integrity',
    { relatedEvidence: [{ claim: 'It snowed.', similarity: 0.5, source: 'a' }] },
    /not in a/,
  ],
  [
    'probabilities over 1 together',
    'consistency',
    { probabilities: { ...probabilities, neither: 0.2 } },
    /sum to 1.1/,
  ],
  ['a probability below 0', 'consistency', { probabilities: { ...probabilities, refutes: -0.1 } }, /is -0.1/],
  [
    'a probability that is no number',
    'consistency',
    { probabilities: { ...probabilities, refutes: Number.NaN } },
    /NaN/,
  ],
  ['a confidence over 1', 'consistency', { confidence: 1.01 }, /confidence is 1.01/],
  ['a confidence below 0', 'consistency', { confidence: -0.1 }, /confidence is -0.1/],
  ['a confidence that is no number', 'consistency', { confidence: Number.NaN }, /confidence is NaN/],
  [
    'a confidence of its own',
    'consistency',
    { confidence: 0.9 },
    /0.9 where its verdict has a probability of 0.8/,
  ],
  [
    'confidence from nothing',
    'consistency',
    { coverage: { ...coverage, sourcesRead: 0, passagesRead: 0, charactersRead: 0 } },
    /read nothing/,
  ],
  ['a verdict without a citation', 'consistency', { citations: [] }, /supported and cites nothing/],
  [
    'support from a neutral citation',
    'consistency',
    { citations: [{ ...citation, stance: 'neutral' }] },
    /nothing that supports/,
  ],
  ['a verdict that is none', 'consistency', { verdict: 'unverified' as 'supported' }, /which is no verdict/],
  [
    'a decision after abstaining',
    'consistency',
    { abstained: true, leaning: 'supported' },
    /abstained and is supported/,
  ],
  [
    'a relevance out of range',
    'consistency',
    { assessments: [{ ...assessments[0]!, relevance: 2 }, assessments[1]!] },
    /relevance of a/,
  ],
  [
    'probabilities of a source that do not sum to 1',
    'consistency',
    {
      assessments: [assessments[0]!, { ...assessments[1]!, probabilities: { supports: 0.7, refutes: 0.7 } }],
    },
    /probabilities of b sum to 1.4/,
  ],
  ['a calibration on nothing', 'consistency', { calibration: { set: 'mine', n: 0, ece: 0 } }, /calibration/],
]

describe('the structural checks', () => {
  test.each([
    ['a supported claim', supported],
    ['a disputed one', disputed],
    ['one that abstained', abstained],
    ['one that leans to nothing', { ...abstained, leaning: null }],
    ['a fallback', fallback],
    ['one with nothing to cite', { ...fallback, citations: [], confidence: 0.1 }],
  ])('let %s pass', async (_what, findings) => {
    const report = await reportOn(findings)
    expect(report.checks.flatMap(({ faults }) => faults)).toEqual([])
    expect(report).toMatchObject({ verdict: 'passed', score: 1 })
    expect(defect(report)).toBeUndefined()
  })

  test.each(bugs)('hold back an answer with %s', async (_what, name, change, reason) => {
    const report = await reportOn(supported, change)
    const check = report.checks.find(each => each.name === name)!
    expect(report.verdict).toBe('failed')
    expect(check.verdict).toBe('failed')
    expect(check.score).toBeLessThan(1)
    expect(check.faults).toContainEqual(
      expect.objectContaining({ severity: 'critical', message: expect.stringMatching(reason) }),
    )
    expect(defect(report)).toMatchObject({
      name: 'RejectedError',
      code: 'ER_REJECTED',
      message: expect.stringMatching(/^The answer was held back: .*This is a bug$/),
      report,
    })
  })

  test.each([
    ['disputed with one side', disputed, { citations: [citation] }, /nothing that refutes/],
    [
      'refuted by what supports',
      supported,
      { verdict: 'refuted' as const, confidence: 0.05 },
      /nothing that refutes/,
    ],
    [
      'abstained leaning to abstaining',
      abstained,
      { leaning: 'not-enough-evidence' as const },
      /leans to not-enough/,
    ],
    ['a fallback that is sure', fallback, { confidence: 0.5 }, /0.4 is the most/],
  ])('hold back an answer that is %s', async (_what, findings, change, reason) => {
    expect(defect(await reportOn(findings, change))?.message).toMatch(reason)
  })

  test.each([
    [
      'a verdict less probable than another',
      supported,
      { verdict: 'not-enough-evidence' as const, confidence: 0.1 },
      /supported is more/,
    ],
    [
      'a leaning without abstaining',
      supported,
      { leaning: 'supported' as const },
      /without having abstained/,
    ],
  ])('fail an answer with %s, without calling it a bug', async (_what, findings, change, reason) => {
    const report = await reportOn(findings, change)
    expect(report.verdict).toBe('failed')
    expect(report.checks[2]?.faults).toEqual([{ severity: 'error', message: expect.stringMatching(reason) }])
    expect(defect(report)).toBeUndefined()
  })

  test('take a confidence that the caller has boosted, and only by as much', async () => {
    const boosted = [consistency({ confidenceBoost: 0.1 })]
    for (const [confidence, verdict] of [
      [0.9, 'passed'],
      [0.8, 'passed'],
      [0.95, 'failed'],
    ] as const)
      expect(await validate(subjectOf(supported, { confidence }), boosted)).toMatchObject({ verdict })
    expect(await validate(subjectOf(fallback, { confidence: 0.5 }), boosted)).toMatchObject({
      verdict: 'passed',
    })
  })

  test('tell where a wrong citation claims to stand', async () => {
    const report = await reportOn(supported, { citations: [{ ...citation, start: 1, end: 19 }] })
    expect(report.checks[1]?.faults).toContainEqual(
      expect.objectContaining({ sourceId: 'a', start: 1, end: 19 }),
    )
  })

  test('name few of many faults', async () => {
    const citations = Array.from({ length: 400 }, () => ({ ...citation, start: 1 }))
    const report = await reportOn(supported, { citations })
    expect(report.checks[1]?.faults).toHaveLength(50)
    expect(report.checks[1]?.score).toBeLessThan(0.01)
  })
})
