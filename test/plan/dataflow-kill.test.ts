/**
 * A process that runs a hundred instances is killed again and again: no finished step is run a second time,
 * the one that was in flight may be, with its key, and every instance comes to what it would have come to.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { idempotencyKey, placeOf } from '../../src/plan/dataflow-record.ts'
import { openStore } from '../../src/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { expectedOf, idOf } from './killed-dataflow.ts'

const folder = temporaryFolder()
const program = join(import.meta.dirname, 'killed-dataflow.ts')
const count = 100
const kills = 8
/** Steps that a program may be ahead of whoever kills it; so it never comes to its end before. */
const fewMore = 30

/** Runs the program until it has taken so many steps, or a few more, and kills it; without, until its end. */
function run(killAfter?: number): Promise<{ code: number | null; signal: string | null }> {
  const most = killAfter === undefined ? [] : [`${killAfter + fewMore}`]
  const child = spawn(process.execPath, [program, folder.path, `${count}`, ...most], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let steps = 0
  child.stdout.on('data', (part: Buffer) => {
    steps += part.length
    if (killAfter !== undefined && steps >= killAfter) child.kill('SIGKILL')
  })
  return new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal })))
}

/** The steps that were taken so far, in order. */
function taken(): string[] {
  const path = join(folder.path, 'steps')
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
}

const keyOf = (line: string) => line.split(' ')[0] as string

/** The keys of the steps that may have been in flight: those whose turn it is. */
async function inFlight(): Promise<ReadonlySet<string>> {
  await using store = await openStore(join(folder.path, 'store.db'))
  const records = await store.instances.list('running')
  return new Set(records.map(record => idempotencyKey(record.id, placeOf(record))))
}

test('killed at any moment, instances go on where they were', async () => {
  let repeated = 0
  let before: string[] = []
  let mayRepeat: ReadonlySet<string> = new Set()
  const check = async () => {
    const all = taken()
    const added = all.slice(before.length).map(keyOf)
    const known = new Set(before.map(keyOf))
    // In one run no step is taken twice, and of those taken before only the ones that were in flight.
    expect(new Set(added).size).toBe(added.length)
    const again = added.filter(key => known.has(key))
    expect(again.filter(key => !mayRepeat.has(key))).toEqual([])
    repeated += again.length
    before = all
    mayRepeat = await inFlight()
  }

  // A generator of its own, so that the moments are the same each time; what is in flight then is not.
  for (let kill = 0, seed = 7; kill < kills; kill += 1) {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    expect(await run(1 + (seed % 60))).toMatchObject({ signal: 'SIGKILL' })
    await check()
  }
  expect(mayRepeat.size).toBeGreaterThan(0)
  expect(await run()).toEqual({ code: 0, signal: null })
  await check()

  expect(mayRepeat.size).toBe(0)
  expect(repeated).toBeGreaterThan(0)
  const seeds = Array.from({ length: count }, (_, seed) => seed)
  // One key for each step, one step for each key.
  const steps = new Map(before.map(line => [keyOf(line), line]))
  expect(new Set(steps.values())).toEqual(new Set(before))
  expect(steps.size).toBe(seeds.reduce((sum, seed) => sum + expectedOf(seed).taken.length, 0))
  await using store = await openStore(join(folder.path, 'store.db'))
  for (const seed of seeds) {
    const record = await store.instances.load(idOf(seed))
    expect(record).toMatchObject({ status: 'completed', output: { seed, ...expectedOf(seed) } })
  }
})
