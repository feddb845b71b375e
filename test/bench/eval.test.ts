/** The evaluation from file to table: reading, asking, measuring, and the command as a person runs it. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Checker, evaluateClaims } from '../../bench/eval-claims.ts'
import { evaluatePairs } from '../../bench/eval-sts.ts'
import { claimsText, diagramsOf, pairsText } from '../../bench/eval-text.ts'
import { overlaps } from '../../bench/quality/claim-quality.ts'
import { diagramsSvg, diagramText } from '../../bench/quality/diagram.ts'
import { readLabelled } from '../../bench/quality/labelled.ts'
import { readPairs } from '../../bench/quality/sentence-pairs.ts'
import type { EvidenceContext, ManyOutcome } from '../../src/index.ts'
import { fakeEnhancer } from '../support/fake-enhancer.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const root = join(import.meta.dirname, '..', '..')

const sources = [
  {
    id: 'a',
    type: 'log',
    title: 'Gateway',
    content: 'The gateway opened its breaker at noon.',
    author: 'nobody',
  },
  { content: 'Lunch is served at noon.' },
]
const line = (more: object = {}) => ({
  taskId: 'one',
  claim: 'The gateway opened its breaker at noon.',
  sources,
  label: 'SUPPORTS',
  evidenceLabels: ['SUPPORTS', 'NOT_ENOUGH_INFO'],
  decisive: [{ sourceId: 'a', start: 4, end: 30, text: 'gateway opened its breaker' }],
  why: 'it says so',
  ...more,
})
const write = (name: string, ...lines: readonly object[]) =>
  folder.write(name, lines.map(each => `${JSON.stringify(each)}\n`).join(''))

describe('readLabelled()', () => {
  it('gives requests without labels or unknown fields, and the labels beside them', async () => {
    const file = await write(
      'good.jsonl',
      line(),
      line({ taskId: 'two', label: undefined, decisive: undefined }),
    )
    const [first, second] = await readLabelled(file)
    expect(first).toEqual({
      line: 1,
      context: {
        taskId: 'one',
        claim: 'The gateway opened its breaker at noon.',
        sources: [
          { id: 'a', type: 'log', title: 'Gateway', content: 'The gateway opened its breaker at noon.' },
          { content: 'Lunch is served at noon.' },
        ],
      },
      sourceIds: ['a', 's2'],
      label: 'SUPPORTS',
      evidenceLabels: ['SUPPORTS', 'NOT_ENOUGH_INFO'],
      decisive: [{ sourceId: 'a', start: 4, end: 30, text: 'gateway opened its breaker' }],
    })
    expect(second).toMatchObject({ line: 2, label: undefined, decisive: [] })
  })

  it('reads kind and altered form where they are given, the latter as a request of its own', async () => {
    const altered = { claim: 'The gateway opened its breaker at one.', label: 'REFUTES', change: 'number' }
    const file = await write('altered.jsonl', line({ kind: 'time', altered }))
    const [claim] = await readLabelled(file)
    expect(claim?.kind).toBe('time')
    expect(claim?.altered).toEqual({
      context: { ...claim?.context, taskId: 'one-altered', claim: altered.claim },
      label: 'REFUTES',
      change: 'number',
    })
  })

  const span = (more: object) => ({ decisive: [{ sourceId: 'a', start: 4, end: 30, ...more }] })
  it.each([
    ['a label that does not exist', { label: 'TRUE' }, 'label: '],
    ['no label at all', { label: undefined, evidenceLabels: undefined }, 'neither label nor evidenceLabels'],
    ['too few evidence labels', { evidenceLabels: ['SUPPORTS'] }, 'evidenceLabels: 1 for 2 sources'],
    ['no claim', { claim: ' ' }, 'Claim is required'],
    ['no sources', { sources: [], evidenceLabels: undefined }, 'At least one evidence source'],
    ['two sources of one id', { sources: [sources[0], sources[0]] }, 'two have the id "a"'],
    ['an altered claim without words', { altered: { claim: '', label: 'REFUTES' } }, 'Claim is required'],
    ['an altered claim without a label', { altered: { claim: 'x' } }, 'altered.label: '],
    ['a span in a source that is not there', span({ sourceId: 'x' }), 'there is no source "x"'],
    ['a span past the end', span({ end: 400 }), '4 to 400 is no part of a'],
    ['a span with another text', span({ text: 'gateway' }), 'text is not what stands at 4 to 30'],
  ])('names file and line when there is %s', async (_, wrong, message) => {
    const file = await write('bad.jsonl', line(), line(wrong))
    const failure = await readLabelled(file).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ER_INPUT', message: expect.stringContaining(`${file}: line 2: `) })
    expect((failure as Error).message).toContain(message)
  })

  it('names the line that is not JSON, a file that is not there, and one without a claim', async () => {
    const broken = await folder.write('broken.jsonl', `${JSON.stringify(line())}\n\n{"taskId": \n`)
    await expect(readLabelled(broken)).rejects.toThrow('line 3 is not JSON')
    await expect(readLabelled(join(folder.path, 'none'))).rejects.toThrow('there is no such file')
    await expect(readLabelled(await folder.write('empty.jsonl', '\n'))).rejects.toThrow(
      'no line with a claim',
    )
  })
})

/** Answers as a version with a verifier would give them, over what the product gives today. */
function verifying(answers: readonly object[]): { checker: Checker; asked: EvidenceContext[] } {
  const asked: EvidenceContext[] = []
  const { enhancer } = fakeEnhancer()
  const checker: Checker = {
    async *enhanceMany(contexts) {
      for await (const context of contexts) {
        const answer = answers[asked.push(context) - 1]
        const found = 'error' in (answer ?? {}) ? {} : await enhancer.enhanceEvidence(context)
        yield { ...found, ...answer } as ManyOutcome
      }
    },
  }
  return { checker, asked }
}

describe('evaluateClaims()', () => {
  it('measures verdicts, relevance and citations of what the product gives', async () => {
    const claims = await readLabelled(await write('now.jsonl', line(), line({ taskId: 'two' })))
    const { enhancer } = fakeEnhancer()
    const progress: string[] = []
    const report = await evaluateClaims(enhancer, [{ file: 'now', claims }], {
      concurrency: 2,
      onProgress: (done, total) => progress.push(`${done}/${total}`),
    })
    expect(report.all).toBeUndefined()
    expect(report.files).toHaveLength(1)
    expect(report.files[0]).toMatchObject({
      file: 'now',
      claims: 2,
      failed: [],
      fallbacks: 0,
      ofClaims: { n: 2, verdicts: { without: 0, confusion: { n: 2 } }, likelihood: { n: 2, leftOut: 0 } },
      ofSources: { n: 4, verdicts: { without: 0, confusion: { n: 4 } }, likelihood: { n: 4 } },
      relevance: { n: 4, relevant: 2, auroc: 1 },
      citations: { n: 2, hit: 2 },
      general: { raw: { pairs: { n: 4 } }, given: { claims: { n: 2 } }, refit: { draws: [] } },
    })
    expect(progress).toEqual(['1/2', '2/2'])
    const text = claimsText(report)
    expect(text).toMatch(/^Sources: relevant .*\n *n +relevant .*\n4 +2 +100\.0 /m)
    expect(text).toMatch(/2 \(100\.0 %\)/)
  })

  it('measures verdicts and probabilities of claims and sources where answers have them', async () => {
    const refuted = { taskId: 'two', label: 'REFUTES', evidenceLabels: ['REFUTES', 'NOT_ENOUGH_INFO'] }
    const silent = {
      taskId: 'three',
      label: 'NOT_ENOUGH_INFO',
      evidenceLabels: undefined,
      decisive: undefined,
    }
    const file = await write('later.jsonl', line(), line(refuted), line(silent), line({ taskId: 'four' }))
    const answer = (verdict: string, supports: number, refutes: number, neither: number, more = {}) => ({
      verdict,
      confidence: Math.max(supports, refutes, neither),
      calibration: { set: 'own', n: 60, ece: 0.02 },
      probabilities: { supports, refutes, disputed: 0, neither },
      abstained: false,
      ...more,
    })
    const assessments = (first: object) => [
      { sourceId: 's2', relevance: 0.2, probabilities: { supports: 0.1, refutes: 0.1, neither: 0.8 } },
      { sourceId: 'a', relevance: 0.9, probabilities: first },
    ]
    const cite = (sourceId: string, start: number, end: number) => ({ sourceId, start, end })
    const cited = [cite('a', 28, 33), cite('s2', 4, 9), cite('a', 30, 39)]
    const { asked, checker } = verifying([
      answer('supported', 0.8, 0.1, 0.1, {
        citations: cited.slice(0, 2),
        assessments: assessments({ supports: 0.7, refutes: 0.2, neither: 0.1 }),
      }),
      answer('supported', 0.6, 0.3, 0.1, {
        citations: cited.slice(1, 3),
        assessments: assessments({ supports: 0.2, refutes: 0.7, neither: 0.1 }),
      }),
      answer('not-enough-evidence', 0.2, 0.3, 0.5, {
        ...{ abstained: true, citations: [], fallbackUsed: true },
        errors: [{ code: 'ER_QUEUE_FULL', message: 'too much' }],
      }),
      { taskId: 'four', line: 4, error: { code: 'ER_DEADLINE', message: 'too late' } },
    ])
    const report = await evaluateClaims(checker, [{ file, claims: await readLabelled(file) }], {
      concurrency: 1,
    })
    expect(JSON.stringify(asked)).not.toMatch(/SUPPORTS|REFUTES|INFO|decisive|it says so/)
    const [measured] = report.files
    expect(measured).toMatchObject({
      claims: 4,
      failed: [{ line: 4, code: 'ER_DEADLINE', message: 'too late' }],
      abstained: 1,
      fallbacks: 1,
      fallbackReasons: { 'ER_QUEUE_FULL: too much': 1 },
      calibrations: { 'own, n 60, ECE 0.020': 3 },
      citations: { n: 2, hit: 1, firstHit: 1, citations: 4 },
    })
    expect(measured?.ofClaims.verdicts).toMatchObject({
      without: 0,
      confusion: { n: 3, accuracy: 2 / 3, counts: { REFUTES: { SUPPORTS: 1 } } },
      decided: { n: 2, right: 1 },
      coverage: [{ accuracy: 1 }, { accuracy: 1 }, { n: 2, accuracy: 0.5 }, { accuracy: 2 / 3 }],
    })
    expect(measured?.ofClaims.likelihood).toMatchObject({ n: 3, leftOut: 0, supportsAgainstRefutes: 1 })
    // Only the sources of the first two claims have labels.
    expect(measured?.ofSources.verdicts?.confusion).toMatchObject({ n: 4, accuracy: 1, macroF1: 1 })
    expect(measured?.ofSources.likelihood?.auroc).toEqual({ SUPPORTS: 1, REFUTES: 1, NOT_ENOUGH_INFO: 1 })
    expect(measured?.relevance).toMatchObject({ n: 4, relevant: 2, auroc: 1 })
    const text = claimsText(report)
    expect(text).toContain('line 4: ER_DEADLINE: too late')
    expect(text).toContain('by words alone (1): ER_QUEUE_FULL: too much')
    expect(text).toMatch(/^NOT_ENOUGH_INFO +0 +0 +1 +1 +100\.0 +100\.0 +100\.0$/m)
    expect(text).toContain('SUPPORTS against REFUTES')
    expect(text).toMatch(/^base rates +3 +1\.099/m)
    expect(text).toContain('Verdict of a claim\nECE ')
    const picture = diagramsSvg(diagramsOf(measured as NonNullable<typeof measured>, 'folder/a & b'))
    expect(picture).toMatch(/^<svg [^>]+>.*Verdict of a claim<.*>a &amp; b<.*<circle.*<\/svg>\n$/s)
  })

  it('ranks whole sources by cosine alone where there are vectors, asking for each text once', async () => {
    const asked: string[] = []
    const embedder = {
      embed: async (texts: readonly string[]) => {
        asked.push(...texts)
        return texts.map(text => Float32Array.of(Math.cos(text.length), Math.sin(text.length)))
      },
    }
    const file = await write('near.jsonl', line(), line({ taskId: 'two' }))
    const { enhancer } = fakeEnhancer()
    const files = [{ file, claims: await readLabelled(file) }]
    const report = await evaluateClaims(enhancer, files, { concurrency: 1, embedder })
    // The claim is its first source, word for word.
    expect(report.files[0]?.general?.cosineAuroc).toBe(1)
    expect(asked.toSorted()).toEqual([sources[1]?.content, sources[0]?.content].toSorted())
  })

  it('measures all files together where there are several', async () => {
    const [one, two] = [await write('1.jsonl', line()), await write('2.jsonl', line({ label: 'REFUTES' }))]
    const files = [
      { file: one, claims: await readLabelled(one) },
      { file: two, claims: await readLabelled(two) },
    ]
    const { checker } = verifying([
      { verdict: 'supported', confidence: 0.9 },
      { verdict: 'supported', confidence: 0.6 },
    ])
    const report = await evaluateClaims(checker, files, { concurrency: 4 })
    expect(report.files.map(each => each.ofClaims.verdicts?.confusion.accuracy)).toEqual([1, 0])
    expect(report.all?.ofClaims.verdicts?.confusion).toMatchObject({ n: 2, accuracy: 0.5 })
    expect(report.all?.ofClaims.verdicts?.calibration.ece).toBeCloseTo((0.1 + 0.6) / 2, 12)
    expect(claimsText(report)).toContain('all files together: 2 claims')
  })
})

describe('diagramText()', () => {
  it('draws what was as a bar and what was said as a mark', () => {
    const bin = { n: 10, least: 0.4, most: 0.6, said: 0.5, was: 0.25 }
    const text = diagramText({
      title: 'T',
      calibration: { n: 10, ece: 0.25, eceOfPerfect: 0.1, bins: [bin] },
    })
    expect(text.split('\n').at(-1)).toBe(
      ` 0.500  0.250      10  │${'█'.repeat(10).padEnd(20)}◆${' '.repeat(19)}│`,
    )
    expect(text).toContain('ECE 0.250 over 1 bins of equal mass, n 10; by chance alone 0.100')
  })
})

describe('overlaps()', () => {
  it('is true only for parts of one source with a character in common', () => {
    const part = (start: number, end: number, sourceId = 'a') => ({ sourceId, start, end })
    expect(overlaps(part(0, 5), part(4, 9))).toBe(true)
    expect(overlaps(part(0, 9), part(4, 5))).toBe(true)
    expect(overlaps(part(0, 5), part(5, 9))).toBe(false)
    expect(overlaps(part(0, 5), part(0, 5, 'b'))).toBe(false)
  })
})

describe('readPairs()', () => {
  const pair = { a: 'A man sings.', b: 'Someone "sings".', score: 4.5 }
  it.each([
    ['JSON Lines', `${JSON.stringify({ ...pair, split: 'dev' })}\n\n`],
    ['a table', 'A man sings.\tSomeone "sings".\t4.5\n'],
    ['a table with a heading', 'score\ta\tb\r\n4.5\tA man sings.\tSomeone "sings".\r\n'],
    [
      'the columns of SICK',
      'pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n1\tA man sings.\tSomeone "sings".\t4.5\tNEUTRAL\n',
    ],
  ])('reads %s', async (_, content) => {
    expect(await readPairs(await folder.write('pairs', content))).toEqual([pair])
  })

  it.each([
    ['too few columns', 'a\tb\t1\na\tb\n', 'line 2: 2 columns'],
    ['a score that is no number', 'a\tb\t1\n\na\tb\thigh\n', 'line 3: score "high" is not a number'],
    ['a line that is not JSON', '{"a": "x", "b": "y", "score": 1}\n{"a"\n', 'line 2 is not JSON'],
    ['a field missing', '{"a": "x", "b": "y", "score": 1}\n{"a": "x", "score": 1}\n', 'line 2: b: '],
    ['nothing', '\n', 'no line with a sentence pair'],
    ['a heading alone', 'a\tb\tscore\n', 'a heading and no sentence pair'],
  ])('names the line when there is %s', async (_, content, message) => {
    await expect(readPairs(await folder.write('pairs', content))).rejects.toThrow(message)
  })
})

describe('evaluatePairs()', () => {
  // Vectors on a circle, so that each cosine is known.
  const embedder = (calls: (readonly string[])[]) => ({
    embed: async (texts: readonly string[]) => {
      calls.push(texts)
      return texts.map(text => Float32Array.of(Math.cos(Number(text)), Math.sin(Number(text))))
    },
  })

  it('gives the correlation of cosines and scores, each file and all together, each text embedded once', async () => {
    const calls: (readonly string[])[] = []
    const near = [0.1, 0.2, 0.3].map(angle => ({ a: '0', b: String(angle), score: 5 - angle }))
    const turned = [1, 2, 3].map(angle => ({ a: '0', b: String(angle), score: angle }))
    const files = [
      { file: 'near', pairs: near },
      { file: 'turned', pairs: turned },
    ]
    const report = await evaluatePairs(embedder(calls), files, { concurrency: 2 })
    expect(report.files.map(each => each.pairs)).toEqual([3, 3])
    expect(report.files[0]?.spearman).toBeCloseTo(1, 12)
    expect(report.files[1]?.spearman).toBeCloseTo(-1, 12)
    // Ranks 6 5 4 3 2 1 against 6 5 4 1 2 3.
    expect(report.all?.spearman).toBeCloseTo(1 - (6 * 8) / (6 * 35), 12)
    expect(calls.flat().toSorted()).toEqual(['0', '0.1', '0.2', '0.3', '1', '2', '3'])
    expect(pairsText(report)).toMatch(/all files together +6 +77\.14/)
  })

  it('keeps texts and vectors together over many batches', async () => {
    const calls: (readonly string[])[] = []
    const pairs = Array.from({ length: 700 }, (_, index) => ({
      a: '0',
      b: String(index / 300),
      score: -index,
    }))
    const { files } = await evaluatePairs(embedder(calls), [{ file: 'f', pairs }], { concurrency: 3 })
    expect(calls.length).toBeGreaterThan(2)
    expect(files[0]?.spearman).toBeCloseTo(1, 12)
  })
})

describe('npm run eval', () => {
  const run = (...words: string[]) =>
    promisify(execFile)('sh', [join(root, 'scripts', 'node'), join(root, 'bench', 'eval.ts'), ...words], {
      timeout: 30_000,
    })

  it('prints figures as JSON and draws the diagrams when --json and --svg are given', async () => {
    const file = await write('run.jsonl', line(), line({ taskId: 'two', claim: 'Lunch is served at noon.' }))
    const config = await folder.write('config.json', '{"enableEmbeddingSearch": false}')
    const svg = join(folder.path, 'diagram.svg')
    const { stdout } = await run(file, '--config', config, '--json', '--svg', svg)
    const { files } = JSON.parse(stdout)
    expect(files).toMatchObject([{ file, claims: 2, failed: [], relevance: { n: 4, relevant: 2 } }])
    expect(files[0].relevance.calibration.bins).toHaveLength(4)
    expect(await readFile(svg, 'utf8')).toContain('Relevance of a source')
  })

  it('prints figures beside their goals as Markdown, altered claims among them', async () => {
    const altered = { claim: 'The gateway closed its breaker at one.', label: 'NOT_ENOUGH_INFO' }
    const file = await write('marked.jsonl', line({ altered }))
    const pairs = await folder.write('pairs.tsv', 'A man sings.\tA man sings.\t5\nA man\tA cat\t1\n')
    const config = await folder.write('words.json', '{"enableEmbeddingSearch": false}')
    const { stdout } = await run(file, '--config', config, '--markdown')
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe('| what | data | n | measured | goal | met | beside |')
    expect(lines.filter(each => each.includes('| marked.jsonl |'))).toHaveLength(9)
    expect(lines.find(each => each.startsWith('| operational claims: accuracy'))).toContain('| ≥ 0.85 |')
    const both = await run('--json', '--markdown', file, '--sts', pairs).catch((error: unknown) => error)
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('only one can be printed') })
  })

  it("ends with the error's exit code, and still measures, when a claim gets no answer", async () => {
    const file = await write('late.jsonl', line())
    const config = await folder.write(
      'late.json',
      '{"enableEmbeddingSearch": false, "requestTimeoutMs": 0.001}',
    )
    const failure = await run(file, '--config', config).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 3, stdout: expect.stringContaining('line 1: ER_DEADLINE: ') })
    expect(failure).toMatchObject({ stdout: expect.stringContaining('1 claims, 1 failed') })
  })

  it('says what is wrong, with the line, before it starts anything', async () => {
    const file = await write('wrong.jsonl', line(), line({ label: 'YES' }))
    const failures = await Promise.allSettled([run(file), run('sts', file), run('sts'), run(file, '--fast')])
    expect(failures.map(each => (each as PromiseRejectedResult).reason)).toMatchObject([
      { code: 2, stdout: '', stderr: expect.stringContaining(`${file}: line 2: label: `) },
      { code: 2, stdout: '', stderr: expect.stringContaining(`${file}: line 1: a: `) },
      { code: 2, stdout: '', stderr: expect.stringContaining('npm run eval -- sts FILE') },
      { code: 2, stdout: '', stderr: expect.stringContaining("Unknown option '--fast'") },
    ])
  })
})
