/**
 * Instances that write down each step that they take, as `<key> <step>`, so that a test can kill their
 * process at any moment. As a program it starts or goes on with them all, keeps them in a store and says when
 * all are over:
 *
 *   node test/plan/killed-dataflow.ts FOLDER COUNT [MOST]
 *
 * Each step is one line of FOLDER/steps; a dot is printed for it. After MOST steps it waits to be killed, in
 * the midst of the last one.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type { ActionInput, Dataflow } from '../../src/plan/dataflow-node.ts'
import { DataflowRunner } from '../../src/plan/dataflow-run.ts'
import { openStore } from '../../src/store/store.ts'
import { turns } from '../support/condition.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { ways } from './small-dataflows.ts'

const state = z.object({ seed: z.int(), sum: z.int(), taken: z.array(z.string()) })
type State = z.infer<typeof state>

/** How many rounds the instance of a seed takes. */
const roundsOf = (seed: number) => 2 + (seed % 5)

/** What the step in round `round` adds. */
const addedIn = (seed: number, round: number) => (seed * 31 + round * 17) % 101

/** What an instance comes to. */
export function expectedOf(seed: number): { sum: number; taken: string[] } {
  const taken: string[] = []
  let sum = 0
  for (let round = 0; round < roundsOf(seed); round += 1) {
    sum += addedIn(seed, taken.length)
    taken.push('add')
    if (round % 2 === 0) continue
    for (const step of ['inner-1', 'inner-2']) {
      sum += addedIn(seed, taken.length)
      taken.push(step)
    }
  }
  return { sum, taken }
}

/** The instances' ids, by seed. */
export const idOf = (seed: number): string => `instance-${seed}`

/** The dataflow; `onStep` is told each step before it is over. */
export function killedFlow(onStep: (key: string, step: string) => Promise<void>): Dataflow {
  const adding = (name: string) =>
    action({
      name,
      template: '{{state}}',
      params: state,
      result: state,
      run: async ({ params, idempotencyKey }: ActionInput<State>): Promise<State> => {
        const { seed, sum, taken } = params
        await onStep(idempotencyKey, `${seed}:${taken.length}:${name}`)
        return { seed, sum: sum + addedIn(seed, taken.length), taken: [...taken, name] }
      },
    })
  const act = (id: string) => ({ kind: 'action', id, action: adding(id), into: '' }) as const
  const inner = defineDataflow({
    name: 'inner',
    input: state,
    output: state,
    state,
    nodes: [
      { kind: 'start', id: 'start', state: '{{input}}' },
      act('inner-1'),
      act('inner-2'),
      { kind: 'end', id: 'end' },
    ],
    edges: ways('start inner-1', 'inner-1 inner-2', 'inner-2 end'),
  })
  const rounds = ({ taken }: State) => taken.filter(step => step === 'add').length
  return defineDataflow({
    name: 'killed',
    input: z.object({ seed: z.int() }),
    output: state,
    state,
    nodes: [
      { kind: 'start', id: 'start', state: { seed: '{{input.seed}}', sum: 0, taken: [] } },
      act('add'),
      { kind: 'choice', id: 'which' },
      { kind: 'dataflow', id: 'inside', definition: inner, template: '{{state}}', into: '' },
      { kind: 'choice', id: 'again' },
      { kind: 'end', id: 'end' },
    ],
    edges: [
      ...ways('start add', 'add which', 'inside again', 'which again', 'again add'),
      { from: 'which', to: 'inside', when: { name: 'even', test: now => rounds(now) % 2 === 0 } },
      { from: 'again', to: 'end', when: { name: 'enough', test: now => rounds(now) >= roundsOf(now.seed) } },
    ],
  })
}

async function main(folder: string, count: number, most: number): Promise<void> {
  await using store = await openStore(join(folder, 'store.db'))
  const { instances } = store
  let steps = 0
  const flow = killedFlow(async (key, step) => {
    // The step's work is done in one of several turns, and over in another.
    await turns(key.charCodeAt(0) % 5)
    steps += 1
    if (steps > most) await forever()
    appendFileSync(join(folder, 'steps'), `${key} ${step}\n`)
    process.stdout.write('.')
    if (steps === most) await forever()
    await turns(key.charCodeAt(1) % 5)
  })
  const runner = new DataflowRunner({ store: instances, dispatch: new FakeDispatch().dispatch })
  const seeds = Array.from({ length: count }, (_, seed) => seed)
  const goOn = async (seed: number) => {
    const id = idOf(seed)
    if ((await instances.load(id)) === undefined) return runner.start(flow, { seed }, { id })
    return runner.resume(flow, id)
  }
  await Promise.all(seeds.map(goOn))
}

/** Until the process is killed, which it would not wait for by itself. */
const forever = () =>
  new Promise(() => {
    setInterval(() => {}, 1000)
  })

const [, file, folder = '', count, most = Number.POSITIVE_INFINITY] = process.argv
if (file === import.meta.filename) await main(folder, Number(count), Number(most))
