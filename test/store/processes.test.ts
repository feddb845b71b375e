/** Several processes at one file, and processes that are killed at any moment: nothing acknowledged is lost. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore, type Store } from '../../src/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { start } from './child-process.ts'
import { flawless, sampleEntry, sampleInstance, sampleTrace, valueIn } from './samples.ts'

const folder = temporaryFolder()
const freshPath = () => join(folder.path, `${randomUUID()}.db`)

describe('processes that write at once', () => {
  test('lose nothing of what any of them wrote', async () => {
    const path = freshPath()
    const names = ['one', 'two']
    const outcomes = names.map(name => start('writing-process.ts', [path, name, '150']).outcome)
    await using store = await openStore(path, { busyTimeoutMs: 60_000, flushEveryMs: 1 })
    for (let step = 0; step < 150; step += 1) {
      store.traces.write(sampleTrace(`here-${step}`))
      store.memo.set(`here-${step}`, sampleEntry(step))
      store.profiles.note('shared', true, { timeMs: 10, calls: 1 })
      await store.instances.save(sampleInstance('here', step))
    }
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: 0, stderr: '' })
    while (!(await store.flush()));
    const { dropped, pending } = store.figures
    expect({ dropped, pending }).toEqual({ dropped: 0, pending: 0 })
    expect(await store.traces.list({ limit: 1000 })).toHaveLength(450)
    expect(store.profiles.get('shared')).toMatchObject({ runs: 450, cost: { timeMs: 10, calls: 1 } })
    for (const name of [...names, 'here']) {
      expect((await store.instances.load(name))?.step).toBe(149)
      expect(await store.memo.get(`${name}-149`)).toBeDefined()
    }
  })

  test('each step of an instance that several go on with is saved by one of them', async () => {
    const path = freshPath()
    const outcomes = await Promise.all(
      [1, 2].map(() => start('contending-process.ts', [path, 'shared', '300']).outcome),
    )
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const steps = outcomes.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean).map(Number))
    expect(steps.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 301 }, (_, index) => index))
  })
})

describe('processes that are killed', () => {
  const rounds = 10

  /** Numbers below `most` that are the same in every run of the tests. */
  function* chance(most: number): Generator<number, never> {
    for (let state = 7; ; ) {
      state = (state * 48_271) % 2_147_483_647
      yield state % most
    }
  }

  /** Runs a writer and kills it once it has said so many lines. @returns the last step that it said */
  async function killed(path: string, name: string, afterLines: number): Promise<number> {
    let lines = 0
    const { child, outcome } = start('writing-process.ts', [path, name], () => {
      lines += 1
      if (lines === afterLines) child.kill('SIGKILL')
    })
    const { signal, stdout, stderr } = await outcome
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
    // What is said by a line that was cut off may not have been said.
    return Number(stdout.split('\n').slice(1, -1).at(-1) ?? -1)
  }

  /** What the file holds is whole, and all that was acknowledged is there. */
  async function expectWhole(store: Store, saved: ReadonlyMap<string, number>): Promise<void> {
    for (const [name, step] of saved) {
      const instance = await store.instances.load(name)
      expect(instance?.step ?? -1).toBeGreaterThanOrEqual(step)
      const { step: last = 0 } = instance ?? {}
      if (instance !== undefined) expect(instance.state).toEqual({ text: name.repeat(1 + (last % 1000)) })
    }
    const traces = await store.traces.list({ limit: 10_000 })
    for (const { id } of traces.slice(0, 20)) expect(await store.traces.get(id)).toMatchObject({ id })
    // A run that was under way at a kill may be noted and done again; none is counted twice beyond that.
    const runs = [...saved.values()].reduce((sum, step) => sum + step + 1 + 2 * rounds, 0)
    expect(store.profiles.get('shared')?.runs ?? 0).toBeLessThanOrEqual(runs)
    expect(store.figures).toMatchObject(flawless)
  }

  test('leave a whole file with all that was acknowledged, thirty times', async () => {
    const path = freshPath()
    const saved = new Map<string, number>()
    const random = chance(120)
    for (let round = 0; round < rounds; round += 1) {
      const names = ['a', 'b', 'c']
      const steps = await Promise.all(names.map(name => killed(path, name, 2 + random.next().value)))
      for (const [index, name] of names.entries())
        saved.set(name, Math.max(saved.get(name) ?? -1, steps[index] as number))
      await using store = await openStore(path)
      await expectWhole(store, saved)
      expect(valueIn(path, 'PRAGMA integrity_check')).toBe('ok')
    }
    expect([...saved.values()].every(step => step > 0)).toBe(true)
  })

  test('while they open a new file leave one that can be opened', async () => {
    for (let round = 0; round < 6; round += 1) {
      const path = freshPath()
      await Promise.all([killed(path, 'a', 1), killed(path, 'b', 1)])
      const wasThere = existsSync(path)
      await using store = await openStore(path)
      await store.instances.save(sampleInstance('here', 0))
      expect(valueIn(path, 'PRAGMA integrity_check'), `it was ${wasThere ? '' : 'not '}there`).toBe('ok')
    }
  })
})
