/**
 * The faults and the states that make up the chaos matrix, and what each fault must look like from outside:
 * with which code the worker that was struck goes, or that it stays. A cell where the fault was never seen
 * proves nothing, so the matrix checks that, too.
 */
import type { ErrorCode } from '../../src/core/errors.ts'

/** What the pool was doing when the fault struck. */
export const states = ['idle', 'one in flight', 'batch in flight', 'queue full', 'draining'] as const
export type State = (typeof states)[number]

/** How a fault shows: the code with which the struck worker goes, and its successor where it is faulty, too. */
type Marks = {
  readonly struck: ErrorCode | 'stays'
  /** The same where nothing is in flight; as `struck` unless given. */
  readonly idle?: ErrorCode
  readonly late?: ErrorCode
}

/** Every fault by the name that chaos_worker.py knows it by. */
export const faults = {
  'exit 0': { struck: 'ER_WORKER_EXIT' },
  'exit 1': { struck: 'ER_WORKER_EXIT' },
  SIGKILL: { struck: 'ER_WORKER_EXIT' },
  SIGSEGV: { struck: 'ER_WORKER_EXIT' },
  SIGSTOP: { struck: 'ER_WORKER_HUNG' },
  'native hang with the GIL': { struck: 'ER_WORKER_HUNG' },
  'native hang without the GIL': { struck: 'ER_WORKER_HUNG' },
  'garbage on fd 1': { struck: 'ER_WIRE' },
  'half a frame': { struck: 'ER_WORKER_EXIT' },
  'oversize length': { struck: 'ER_WIRE' },
  'wrong protocol': { struck: 'ER_WORKER_EXIT', late: 'ER_WORKER_SPAWN' },
  'duplicate id': { struck: 'ER_WIRE' },
  'unknown id': { struck: 'ER_WIRE' },
  'reply after cancel': { struck: 'stays', idle: 'ER_WIRE' },
  'late reply': { struck: 'stays', idle: 'ER_WIRE' },
  'stdin not read': { struck: 'ER_WORKER_HUNG' },
  '10 MB of stderr': { struck: 'stays' },
  grandchild: { struck: 'ER_WORKER_EXIT' },
  'crash in warm-up': { struck: 'ER_WORKER_EXIT', late: 'ER_WORKER_SPAWN' },
  'crash on the Nth request': { struck: 'ER_WORKER_EXIT', late: 'ER_WORKER_EXIT' },
  'memory growth': { struck: 'stays' },
  'slow start': { struck: 'ER_WORKER_EXIT', late: 'ER_WORKER_SPAWN' },
} as const satisfies Record<string, Marks>
export type Fault = keyof typeof faults

/** One place in the matrix. */
export type Cell = { readonly fault: Fault; readonly state: State }

/** All of them, fault by fault. */
export const cells: readonly Cell[] = (Object.keys(faults) as Fault[]).flatMap(fault =>
  states.map(state => ({ fault, state })),
)

/** How a cell is written on the command line. */
export const nameOf = ({ fault, state }: Cell): string => `${fault}:${state}`

/** Codes with which the struck worker and its faulty successor must go; undefined for one that must stay. */
export function marksOf({ fault, state }: Cell): {
  struck: ErrorCode | undefined
  late: ErrorCode | undefined
} {
  const { struck, idle, late }: Marks = faults[fault]
  const seen = state === 'idle' ? (idle ?? struck) : struck
  return { struck: seen === 'stays' ? undefined : seen, late }
}

/**
 * The cells that a filter names: parts of `fault:state` pairs, comma-separated; the state may be left out.
 * @throws Error for a part that names none.
 */
export function chosen(filter: string | undefined): Cell[] {
  if (filter === undefined) return [...cells]
  const parts = filter.split(',')
  const picked = parts.map(part => {
    const [fault = '', state = ''] = part.split(':')
    const found = cells.filter(cell => cell.fault === fault && (state === '' || cell.state === state))
    if (found.length === 0)
      throw new Error(`There is no cell ${part}; faults: ${Object.keys(faults).join(', ')}`)
    return found
  })
  return picked.flat()
}
