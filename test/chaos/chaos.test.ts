/**
 * The fast cells of the chaos matrix, at least one for every fault and several for every state, and the proof
 * that the matrix can fail: three faults planted in a copy of the sources. `npm run chaos` runs all cells.
 *
 * Every cell runs in a program that does nothing else, since it counts descriptors, timers and listeners.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../support/import-graph.ts'
import { cells, faults, nameOf, states } from './faults.ts'
import type { Outcome } from './matrix.ts'
import { PlantedSource, plants } from './planted-source.ts'

/** Cells by what they show; those that wait for something to hang or back off are the slow ones. */
const fast = [
  ...states.map(state => `exit 0:${state}`),
  'exit 1:draining',
  ...states.map(state => `SIGKILL:${state}`),
  'SIGSEGV:batch in flight',
  'SIGSTOP:idle',
  'SIGSTOP:draining',
  'native hang with the GIL:one in flight',
  'native hang without the GIL:queue full',
  'garbage on fd 1:idle',
  'garbage on fd 1:queue full',
  'half a frame:one in flight',
  'oversize length:batch in flight',
  'wrong protocol:idle',
  ...states.map(state => `duplicate id:${state}`),
  ...states.map(state => `unknown id:${state}`),
  ...states.map(state => `reply after cancel:${state}`),
  ...states.map(state => `late reply:${state}`),
  'stdin not read:one in flight',
  ...states.map(state => `10 MB of stderr:${state}`),
  'grandchild:idle',
  'grandchild:one in flight',
  'grandchild:draining',
  'crash in warm-up:one in flight',
  'crash on the Nth request:batch in flight',
  'crash on the Nth request:draining',
  'memory growth:draining',
  'slow start:draining',
]

/** Runs cells with the sources of `root`. */
async function run(root: string, only: readonly string[], patienceMs: number): Promise<Outcome[]> {
  const program = join(root, 'test', 'chaos', 'run.ts')
  const options = ['--json', '--only', only.join(), '--patience', String(patienceMs)]
  const child = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  try {
    return JSON.parse(output) as Outcome[]
  } catch {
    throw new Error(`The matrix said ${output || 'nothing'}\n${errors}`)
  }
}

describe('the chaos matrix', () => {
  let outcomes: Outcome[]
  beforeAll(async () => {
    outcomes = await run(repository, fast, 8000)
  })

  test.each(fast)('is well at %s', name => {
    const outcome = outcomes.find(each => nameOf(each) === name)
    expect({ ok: outcome?.ok, why: outcome?.why }).toEqual({ ok: true, why: undefined })
  })

  test('has all faults in all states, and each of them here', () => {
    expect(cells).toHaveLength(Object.keys(faults).length * states.length)
    expect(new Set(fast.map(name => name.split(':')[0]))).toEqual(new Set(Object.keys(faults)))
    expect(new Set(fast.map(name => name.split(':')[1]))).toEqual(new Set(states))
  })
})

// Side by side: what they do is mostly to wait in vain.
describe.concurrent('the chaos matrix is red with', () => {
  test.each(plants)('$name', async ({ cell, edits, shows }) => {
    const planted = new PlantedSource(edits)
    try {
      const [outcome] = await run(planted.path, [cell], 1500)
      expect(outcome).toMatchObject({ ok: false, why: expect.stringMatching(shows) })
    } finally {
      planted.remove()
    }
  })

  test('nothing, where nothing is planted in the copy', async () => {
    const planted = new PlantedSource([])
    try {
      const outcomes = await run(planted.path, [...new Set(plants.map(({ cell }) => cell))], 8000)
      expect(outcomes.filter(({ ok }) => !ok)).toEqual([])
    } finally {
      planted.remove()
    }
  })
})
