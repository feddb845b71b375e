/** Memory after many calls: neither side may grow once it has found its size, a tenth of the way. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import type { Goal, Report } from './report.ts'

type Memory = { readonly nodeMib: number; readonly nodeHeapMib: number; readonly workerMib: number }
type Grown = {
  readonly early: Memory
  readonly late: Memory
  readonly twice: Memory
  readonly perSecond: number
}

async function run({ note, quick, signal }: BenchmarkOptions): Promise<Report> {
  const calls = quick ? 10_000 : 100_000
  note(`${calls} calls of echo`)
  const { early, late, perSecond, twice } = await grow(calls, signal)
  const goal = (what: string, value: number): Goal => ({
    what: `memory, ${what}`,
    value,
    unit: '×',
    better: 'less',
    goal: 1.05,
  })
  return {
    workerFacts: {},
    tables: [
      {
        title: `Memory over ${calls} calls of echo, 16 callers, one worker`,
        note: "Resident, Node's with room for garbage that V8 has taken; heap: in use after a collection of garbage.",
        rows: [
          { after: calls / 10, ...early },
          { after: calls, ...late, perSecond },
          { after: 2 * calls, ...twice },
        ],
      },
    ],
    goals: [
      goal(`worker, ${calls} calls to a tenth of them`, late.workerMib / early.workerMib),
      goal(`Node's heap, ${calls} calls to a tenth of them`, late.nodeHeapMib / early.nodeHeapMib),
      // V8 makes room for more garbage as calls come faster: that is growth to a size, not a leak.
      goal(`Node resident, ${calls} calls to a tenth of them`, late.nodeMib / early.nodeMib),
      goal(`Node resident, ${2 * calls} calls to half of them`, twice.nodeMib / late.nodeMib),
    ],
  }
}

async function grow(calls: number, signal: AbortSignal): Promise<Grown> {
  signal.throwIfAborted()
  const script = join(import.meta.dirname, 'growth-child.ts')
  const child = spawn(process.execPath, ['--expose-gc', script, String(calls)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
    killSignal: 'SIGKILL',
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`growth-child.ts exited with code ${code}`)
  return JSON.parse(text)
}

export const growth: Benchmark = { about: 'memory of both sides after 100,000 calls', run }
