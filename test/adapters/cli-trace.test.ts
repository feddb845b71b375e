/**
 * Budgets, strategies and traces on the command line, as real processes over the real model: what one process
 * recorded, another verifies and replays to the same hash.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { jsonLines, runCommandLine, samples } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const store = () => join(folder.path, 'store.db')
const one = ['--pool-size', '1']
const log = Array.from(
  { length: 30 },
  (_, index) => `2026-06-03 10:${index + 10} gate ${index} was shut by hand`,
)
let file = ''

beforeAll(() => {
  file = join(folder.path, 'context.json')
  const sources = [{ id: 'log', content: log.join('\n\n') }]
  writeFileSync(file, JSON.stringify({ taskId: 't', claim: 'Gate 7 was shut by hand.', sources }))
})

const check = (...more: string[]) => runCommandLine(['check', file, '--json', ...one, ...more])

describe('check', () => {
  test('--budget-tokens refuses what not even the least fits, and gives a part where it ends in the middle', async () => {
    const refused = await check('--budget-tokens', '5', '--no-store')
    expect(refused.code).toBe(3)
    expect(jsonLines(refused.stdout)).toMatchObject([{ taskId: 't', error: { code: 'ER_BUDGET_REFUSED' } }])
    const partial = await check('--budget-tokens', '500', '--no-store')
    expect(partial.code).toBe(0)
    const [evidence] = jsonLines(partial.stdout) as [Record<string, unknown>]
    expect(evidence).toMatchObject({ plan: 'in pieces', errors: [{ code: 'ER_BUDGET_SPENT' }] })
    expect((evidence as unknown as { spent: { tokens: number } }).spent.tokens).toBeLessThanOrEqual(500)
  })

  test('--explain shows the plan, chosen otherwise by another strategy, and checks nothing', async () => {
    const [latency, cost] = await Promise.all(
      ['latency', 'cost'].map(name =>
        runCommandLine(['check', file, '--explain', '--strategy', name, ...one]),
      ),
    )
    for (const outcome of [latency, cost]) {
      expect(outcome?.code).toBe(0)
      expect(outcome?.stdout).toContain('evidence.embed')
    }
    expect(latency?.stdout.split(' was chosen by ')[0]).not.toBe(cost?.stdout.split(' was chosen by ')[0])
  })

  test.each([
    ['--budget-usd', 'much'],
    ['--budget-tokens', '-1'],
    ['--strategy', 'fast'],
  ])('%s %s is refused with what it takes', async (option, value) => {
    const { code, stderr, stdout } = await check(`${option}=${value}`)
    expect(code).toBe(2)
    expect(stderr + stdout).toMatch(/ER_(INPUT|CONFIG)/)
  })
})

describe('trace', () => {
  test('of one process verifies and replays in another, to the same hash', async () => {
    const checked = await check('--store', store(), '--keep-inputs', '--reproducible')
    const [evidence] = jsonLines(checked.stdout) as [
      { id: string; trace: { hash: string; exactHash: string } },
    ]
    const named = ['--store', store(), '--json']
    const listed = await runCommandLine(['trace', 'list', ...named])
    expect(jsonLines(listed.stdout)[0]).toMatchObject([{ id: evidence.id, status: 'ok' }])
    const verified = await runCommandLine(['trace', 'verify', evidence.trace.hash.slice(0, 12), ...named])
    expect(verified).toMatchObject({ code: 0 })
    expect(jsonLines(verified.stdout)).toEqual([{ ok: true, hash: evidence.trace.hash }])
    const replayed = await runCommandLine(['trace', 'replay', evidence.id, ...named, ...one])
    expect(replayed.code).toBe(0)
    expect(jsonLines(replayed.stdout)).toMatchObject([
      { same: 'exact', replayed: { hash: evidence.trace.hash, exactHash: evidence.trace.exactHash } },
    ])
    const shown = await runCommandLine(['trace', 'show', evidence.id, '--store', store()])
    expect(shown.stdout).toContain('evidence.validate')
  })

  test('verify and diff take files, and notice what was altered', async () => {
    const { stdout } = await check('--no-store')
    const [good, bad] = ['good.json', 'bad.json'].map(name => join(folder.path, name)) as [string, string]
    writeFileSync(good, stdout)
    writeFileSync(bad, stdout.replace(/"outputHash":"./, '"outputHash":"_'))
    expect(readFileSync(bad, 'utf8')).not.toBe(stdout)
    expect(await runCommandLine(['trace', 'verify', good])).toMatchObject({ code: 0 })
    const { code, stdout: said } = await runCommandLine(['trace', 'verify', bad])
    expect(code).not.toBe(0)
    expect(said).toMatch(/Does not hold|^$/)
    expect(await runCommandLine(['trace', 'diff', good, good])).toMatchObject({ code: 0 })
  })

  test('is no part of the answer: where the store can’t be had, claims are checked and the reason told', async () => {
    const broken = join(folder.path, 'broken.db')
    writeFileSync(broken, 'no store at all, and long enough to be looked at')
    const { code, stderr, stdout } = await check('--store', broken)
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([{ taskId: 't', verdict: expect.any(String) }])
    expect(stderr).toMatch(/Traces are not kept: .*broken\.db.* damaged/)
    const listed = await runCommandLine(['trace', 'list', '--store', broken])
    expect(listed).toMatchObject({ code: 7 })
    expect(listed.stderr).toContain('ER_STORE')
  })

  test('says what to do where a source was not kept, a trace is not there, or the words are wrong', async () => {
    const kept = join(folder.path, 'bare.db')
    const [evidence] = jsonLines((await check('--store', kept)).stdout) as [{ id: string }]
    const replayed = await runCommandLine(['trace', 'replay', evidence.id, '--store', kept, ...one])
    expect(replayed).toMatchObject({ code: 2 })
    expect(replayed.stderr).toContain('--keep-inputs')
    expect((await runCommandLine(['trace', 'show', 'nothing', '--store', kept])).stderr).toContain(
      'trace list',
    )
    expect((await runCommandLine(['trace', 'bend', 'x'])).code).toBe(2)
    expect((await runCommandLine(['trace', 'diff', 'x'])).code).toBe(2)
  })
})

test('the quickstart’s samples: some fit a small budget, and each answer says what it used', async () => {
  const words = [
    'check',
    '--jsonl',
    join(samples, 'claims.jsonl'),
    '--allow-files',
    samples,
    '--json',
    '--budget-tokens',
    '500',
    '--no-store',
  ]
  const { stdout } = await runCommandLine(words)
  const outcomes = jsonLines(stdout)
  expect(outcomes.length).toBe(12)
  for (const outcome of outcomes) {
    if ('error' in outcome)
      expect(outcome['error']).toMatchObject({ code: expect.stringMatching(/ER_BUDGET/) })
    else expect((outcome as unknown as { spent: { tokens: number } }).spent.tokens).toBeLessThanOrEqual(500)
  }
})
