/** The evaluation of searches: real LanceDB over vectors that the test makes, and the command as a person runs it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { evaluateRetrieval, retrievalText } from '../../bench/eval-retrieval.ts'
import { readLabelled } from '../../bench/quality/labelled.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const root = join(import.meta.dirname, '..', '..')

/** A vector at some degrees on a circle; the more degrees between two texts, the less near they are. */
const at = (degrees: number) =>
  Float32Array.from([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)])

/** Twenty texts along the circle, and one far away that has the claim's own name in it. */
const fillers = Array.from({ length: 20 }, (_, place) => `Text number ${place} is of no matter.`)
const named = 'Pump QX-7741 was stopped.'
const near = 'Traffic fell at night.'
const degreesOf = new Map<string, number>([
  ...fillers.map((text, place) => [text, place + 2] as const),
  [named, 120],
  [near, 1],
  ['Who stopped QX-7741?', 0],
  ['Fewer people came late.', 0],
])
const embedder = {
  embed: async (texts: readonly string[]) => texts.map(text => at(degreesOf.get(text) ?? 180)),
}

const claim = (taskId: string, text: string, sources: readonly string[], bears: readonly number[]) =>
  `${JSON.stringify({
    taskId,
    claim: text,
    sources: sources.map(content => ({ content })),
    evidenceLabels: sources.map((_, place) => (bears.includes(place) ? 'SUPPORTS' : 'NOT_ENOUGH_INFO')),
  })}\n`

test('says what is found by vectors alone, and by vectors and words', async () => {
  const file = await folder.write(
    'searched.jsonl',
    claim('a', 'Who stopped QX-7741?', [named, ...fillers], [0]) +
      claim('b', 'Fewer people came late.', [near, fillers[0] as string], [0]) +
      claim('c', 'Nothing bears on it.', [fillers[1] as string], []),
  )
  const report = await evaluateRetrieval(
    embedder,
    { file, claims: await readLabelled(file) },
    { concurrency: 2 },
  )
  expect(report.texts).toBe(22)
  const [alone, both] = report.ways
  expect(alone).toMatchObject({ claims: 2, recallAt1: 0.5, recallAt10: 0.5, reciprocalRank: 0.5 })
  expect(both).toMatchObject({ claims: 2, recallAt1: 0.5, recallAt5: 1, recallAt10: 1 })
  expect(both?.reciprocalRank).toBeGreaterThan(0.6)
  expect(retrievalText([report])).toMatch(/among 22 texts[\s\S]*vectors and words +2 +0\.500 +1 +1 /)
})

test('the command wants files of claims', async () => {
  const run = promisify(execFile)(process.execPath, [join(root, 'bench', 'eval.ts'), 'retrieval'], {
    cwd: root,
  })
  await expect(run).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('retrieval takes files'),
  })
})
