/** The command `calibrate`: what it reads, learns, writes and prints, over answers that the test makes itself. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { answerCalibrate, type CalibrateParts, parseCalibrateWords } from '../../src/adapters/calibrate.ts'
import { InputError } from '../../src/core/errors.ts'
import type { ManyOutcome } from '../../src/evidence/outcome.ts'
import type { EvidenceContext } from '../../src/evidence/request.ts'
import type { ConfidenceMethod } from '../../src/evidence/result.ts'
import { neutral, parseCalibration } from '../../src/evidence/verdict/calibration.ts'
import { withFigures } from '../../src/evidence/verdict/figures.ts'
import { judge } from '../../src/evidence/verdict/judge.ts'
import { gaussian, generator } from '../evidence/verdict/chance.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const place = (name: string) => join(folder.path, name)
const model = { encoder: 'encoder-hash', judge: 'head-revision' }
const labels = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO'] as const

type Labelled = EvidenceContext & Record<string, unknown>

/** Claims whose sources hold the logits that a verifier would give them, several times as sure as it should be. */
function claimsOf(n: number, seed = 1): Labelled[] {
  const random = generator(seed)
  return Array.from({ length: n }, (_, index) => {
    const evidenceLabels = [0, 1].map(() => labels[Math.floor(random() * 3)] as (typeof labels)[number])
    const sources = evidenceLabels.map(label => ({
      content: labels.map(each => 5 * (gaussian(random) + (each === label ? 1.5 : 0))).join(' '),
    }))
    const [supported, refuted] = ['SUPPORTS' as const, 'REFUTES' as const].map(side =>
      evidenceLabels.includes(side),
    )
    const label = supported ? (refuted ? 'DISPUTED' : 'SUPPORTS') : refuted ? 'REFUTES' : 'NOT_ENOUGH_INFO'
    return {
      taskId: `t${index}`,
      claim: `Claim ${index} of ${seed}`,
      sources,
      label,
      evidenceLabels,
      why: 'not for the library',
    }
  })
}

/** Answers as the library gives them without a calibration. */
function answered(
  { sources, taskId }: EvidenceContext,
  confidenceMethod: ConfidenceMethod = 'head',
): ManyOutcome {
  const readings = sources.map(({ content = '' }, source) => ({
    source,
    start: 0,
    end: content.length,
    text: content,
    relevance: 0.5,
    logits: content.split(' ').map(Number) as [number, number, number],
  }))
  const byFigures = taskId.includes('figure')
  const verdict = byFigures ? ('supports' as const) : ('silent' as const)
  const judgement = withFigures(
    judge(readings, sources.length, neutral),
    { verdict, spans: [], compared: [], reason: '' },
    { stated: byFigures },
  )
  return {
    taskId,
    confidenceMethod,
    calibration: 'uncalibrated',
    probabilities: judgement.claim,
    assessments: judgement.sources.map((source, index) => ({ sourceId: `s${index + 1}`, ...source })),
  } as unknown as ManyOutcome
}

/** What was asked is kept, so that a test can look at it. */
function partsOf(answer: (context: EvidenceContext) => ManyOutcome = answered) {
  const asked: EvidenceContext[] = []
  const progress: string[] = []
  const parts: CalibrateParts = {
    enhanceMany: async function* (contexts) {
      for (const context of contexts) {
        asked.push(context)
        yield answer(context)
      }
    },
    model: async () => model,
    onProgress: (done, total) => progress.push(`${done}/${total}`),
  }
  return { parts, asked, progress }
}

function written(name: string, lines: readonly object[]): string {
  const file = place(name)
  writeFileSync(file, lines.map(line => JSON.stringify(line)).join('\n'))
  return file
}

describe('answerCalibrate()', () => {
  test('writes a calibration that the configuration takes, and that mends what it was fitted to', async () => {
    const file = written('domain.jsonl', claimsOf(80))
    const out = place('mended.json')
    const { asked, parts, progress } = partsOf()
    const { data, lines } = await answerCalibrate({ file, out }, parts)
    const calibration = parseCalibration(JSON.parse(readFileSync(out, 'utf8')))
    expect(calibration).toStrictEqual(data.calibration)
    expect(calibration).toMatchObject({ set: 'domain.jsonl', n: 80, model, pair: { n: 160 } })
    expect(calibration.pair.temperature).toBeGreaterThan(2)
    expect(data.after.pair?.nll).toBeLessThan(data.before.pair?.nll as number)
    expect(data.after.claim.nll).toBeLessThan(data.before.claim.nll)
    expect(Object.values(data.labels).reduce((sum, count) => sum + count, 0)).toBe(80)
    expect(progress.at(-1)).toBe('80/80')
    // No label and nothing else that the library does not take is asked.
    expect(asked.every(context => Object.keys(context).join() === 'taskId,claim,sources')).toBe(true)
    const printed = lines.join('\n')
    expect(printed).toMatch(/^Fitted on domain\.jsonl: 80 claims \(\d+ SUPPORTS, .*160 labelled sources/)
    for (const said of ['Of a claim (n = 80)', 'Of a source (n = 160)', 'of the surest quarter', out])
      expect(printed).toContain(said)
  })

  test('learns labels of claims from those of sources, and the other way where there is one source', async () => {
    const claims = claimsOf(60)
    const withoutLabel = claims.map(({ label: _, ...claim }) => claim)
    const both = await Promise.all(
      [claims, withoutLabel].map((lines, index) =>
        answerCalibrate(
          { file: written(`same${index}.jsonl`, lines), out: place(`same${index}.json`) },
          partsOf().parts,
        ),
      ),
    )
    expect(both[1]?.data.calibration.claim).toStrictEqual(both[0]?.data.calibration.claim)
    const single = claims.map(({ evidenceLabels, sources, ...claim }) => ({
      ...claim,
      sources: sources.slice(0, 1),
      label: (evidenceLabels as string[])[0],
    }))
    const { data } = await answerCalibrate(
      { file: written('single.jsonl', single), out: place('single.json') },
      partsOf().parts,
    )
    expect(data.calibration.pair.n).toBe(60)
    // One source that says both is labelled neither.
    const [first, ...rest] = single
    const odd = await answerCalibrate(
      {
        file: written('odd.jsonl', [{ ...first, label: 'DISPUTED' }, ...rest]),
        out: place('odd.json'),
      },
      partsOf().parts,
    )
    expect(odd.data).toMatchObject({ calibration: { n: 60, pair: { n: 59 } }, labels: { DISPUTED: 1 } })
  })

  test('learns nothing of a claim where figures count, and says how many there were', async () => {
    const claims = claimsOf(60).map((claim, index) =>
      index < 25 ? { ...claim, taskId: `figure${index}` } : claim,
    )
    const { data, lines } = await answerCalibrate(
      { file: written('figures.jsonl', claims), out: place('figures.json') },
      partsOf().parts,
    )
    expect(data).toMatchObject({ withFigures: 25, calibration: { n: 35, pair: { n: 120 } } })
    expect(lines.join('\n')).toContain('25 claims were decided by arithmetic')
    const most = claimsOf(60).map((claim, index) =>
      index < 45 ? { ...claim, taskId: `figure${index}` } : claim,
    )
    await expect(
      answerCalibrate({ file: written('most.jsonl', most), out: place('most.json') }, partsOf().parts),
    ).rejects.toThrow(/at least 20.*these are 15; 45 more were decided by arithmetic/)
    expect(existsSync(place('most.json'))).toBe(false)
  })

  test('leaves out what was not answered or not judged by a model, and names it', async () => {
    const { parts } = partsOf(context => {
      if (context.taskId === '4 t3')
        return { taskId: '4 t3', line: 4, error: { code: 'ER_DEADLINE', message: 'too slow' } }
      return context.taskId === '6 t5' ? answered(context, 'lexical') : answered(context)
    })
    const { data, lines } = await answerCalibrate(
      { file: written('some.jsonl', claimsOf(62)), out: place('some.json') },
      parts,
    )
    expect(data.calibration.n).toBe(60)
    expect(data.failed).toEqual([
      { line: 4, message: 'ER_DEADLINE: too slow' },
      { line: 6, message: expect.stringContaining('lexical') },
    ])
    expect(lines.join('\n')).toContain('Line 4 was left out')
  })

  test('is the same for answers in any order, and for lines of one name', async () => {
    const claims = claimsOf(40).map(claim => ({ ...claim, taskId: 'same' }))
    const file = written('order.jsonl', claims)
    const inOrder = await answerCalibrate({ file, out: place('in-order.json') }, partsOf().parts)
    const { parts } = partsOf()
    const reversed: CalibrateParts = {
      ...parts,
      enhanceMany: async function* (contexts) {
        yield* (await Array.fromAsync(parts.enhanceMany(contexts))).toReversed()
      },
    }
    const { data } = await answerCalibrate({ file, out: place('reversed.json') }, reversed)
    expect(data.calibration).toStrictEqual(inOrder.data.calibration)
  })

  test('replaces no file unless it is told to, and asks nothing before', async () => {
    const file = written('again.jsonl', claimsOf(40))
    const out = written('taken.json', [{ mine: true }])
    const { asked, parts } = partsOf()
    await expect(answerCalibrate({ file, out }, parts)).rejects.toThrow(
      /taken\.json is there already.*--force/,
    )
    expect(asked).toEqual([])
    expect(readFileSync(out, 'utf8')).toBe('{"mine":true}')
    await answerCalibrate({ file, out, force: true }, parts)
    expect(parseCalibration(JSON.parse(readFileSync(out, 'utf8'))).n).toBe(40)
    const nowhere = place('no/such/folder.json')
    await expect(answerCalibrate({ file, out: nowhere }, parts)).rejects.toThrow(/Can't write .*ENOENT/)
  })

  const [claim] = claimsOf(1) as [Labelled]
  test.each([
    [
      'no label',
      { ...claim, label: undefined, evidenceLabels: undefined },
      /line 2: neither label nor evidenceLabels; .*SUPPORTS/,
    ],
    ['another label', { ...claim, label: 'TRUE' }, /line 2: label: .*SUPPORTS/],
    ['a label too few', { ...claim, evidenceLabels: ['SUPPORTS'] }, /line 2: evidenceLabels: 1 for 2/],
    ['no source', { ...claim, sources: [], evidenceLabels: [] }, /line 2: .*[Aa]t least one/],
    ['no claim', { ...claim, claim: undefined }, /line 2: claim/],
  ])('refuses a line with %s by its number, before anything is asked', async (_what, line, message) => {
    const { asked, parts } = partsOf()
    const file = written('wrong.jsonl', [claim, line])
    await expect(answerCalibrate({ file, out: place('wrong.json') }, parts)).rejects.toThrow(message)
    expect(asked).toEqual([])
  })

  test('refuses too few claims, and says how many it takes', async () => {
    const file = written('few.jsonl', claimsOf(19))
    await expect(answerCalibrate({ file, out: place('few.json') }, partsOf().parts)).rejects.toThrow(
      expect.objectContaining({
        code: 'ER_INPUT',
        message: expect.stringMatching(/at least 20.*these are 19/),
      }),
    )
    expect(existsSync(place('few.json'))).toBe(false)
  })
})

test('parseCalibrateWords() takes one file', () => {
  expect(parseCalibrateWords(['a.jsonl'])).toBe('a.jsonl')
  for (const words of [[], ['a', 'b']]) expect(() => parseCalibrateWords(words)).toThrow(InputError)
})
