/** Memos on disk: what one process computed, another takes from the store, whole or by shared parts. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { execute } from '../../src/plan/execute.ts'
import type { MemoTier } from '../../src/plan/memo.ts'
import { parallel, sequential, stage } from '../../src/plan/node.ts'
import { openStore } from '../../src/store/store.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()

test.each<[MemoTier, string[], string[]]>([
  ['shallow', [], ['double', 'wave', 'triple']],
  ['deep', [], ['triple']],
])(
  '%s: a plan that was run is not run again; another shares what is equal in it',
  async (tier, same, other) => {
    const path = join(folder.path, `${tier}.db`)
    const ran: string[] = []
    const leaf = <O>(name: string, run: (input: number) => O) =>
      stage(
        name,
        (input: number) => {
          ran.push(name)
          return run(input)
        },
        { effects: ['pure'] },
      )
    const shared = {
      double: leaf('double', input => input * 2),
      wave: leaf('wave', input => new Float32Array([input, input / 3])),
    }
    const one = sequential(parallel(shared))
    const two = sequential(parallel({ ...shared, triple: leaf('triple', input => input * 3) }))
    const run = async (plan: typeof one) => {
      ran.length = 0
      await using store = await openStore(path)
      const context = runContext()
      const parts = { dispatch: new FakeDispatch().dispatch, memo: store.memo, memoTier: tier }
      const value = await execute(plan, 7, context, parts)
      await store.flush()
      return { value, ran: ran.toSorted(), hash: context.trace.record().exactHash }
    }
    const first = await run(one)
    expect(first).toMatchObject({ ran: ['double', 'wave'], value: { double: 14 } })
    const again = await run(one)
    expect(again).toEqual({ ...first, ran: same })
    expect(again.value.wave).toBeInstanceOf(Float32Array)
    const another = await run(two)
    expect(another.ran).toEqual(other.toSorted())
    expect(another.value).toMatchObject({ double: 14, triple: 21 })
  },
)
