/**
 * `evidence-runner trace …`: looks at what was recorded, checks that it holds together, runs it again, and
 * compares two records. A trace is named by its run's id, by the beginning of its hash, or by a JSON file: a
 * stored trace, an answer of `check --json`, or a bare record.
 */
import { existsSync } from 'node:fs'
import { InputError } from '../core/errors.ts'
import type { TraceRecord, TraceStep } from '../core/trace.ts'
import { type Difference, diffTraces, parseTrace, verifyTrace } from '../core/trace-check.ts'
import type { Replay } from '../evidence/replay.ts'
import type { StoredTrace } from '../plan/ports.ts'
import type { Store } from '../runner.ts'
import { parseJson, readText } from './input.ts'

/** What `trace` can do, and how many traces each takes. */
const actions = { list: 0, show: 1, verify: 1, replay: 1, diff: 2 } as const

/** What was asked for. */
export type TraceRequest = { readonly action: keyof typeof actions; readonly traces: readonly string[] }

/** What `trace` found: lines for people, the same as data, and the exit code (1: it does not hold, or differs). */
export type TraceAnswer = { readonly lines: readonly string[]; readonly data: unknown; readonly exit: 0 | 1 }

/** @throws InputError ER_INPUT for an action that does not exist or the wrong number of traces. */
export function parseTraceWords([action = '', ...traces]: readonly string[]): TraceRequest {
  if (!Object.hasOwn(actions, action)) {
    const known = Object.keys(actions).join(', ')
    throw new InputError('ER_INPUT', `trace takes one of ${known}; see: evidence-runner help trace`)
  }
  const wanted = actions[action as keyof typeof actions]
  if (traces.length !== wanted) {
    throw new InputError(
      'ER_INPUT',
      `trace ${action} takes ${wanted} trace${wanted === 1 ? '' : 's'}, not ${traces.length}`,
    )
  }
  return { action: action as keyof typeof actions, traces }
}

/** Does what was asked for; `replay` runs a stored trace's request again. */
export async function answerTrace(
  { action, traces }: TraceRequest,
  store: Store | undefined,
  replay: (stored: StoredTrace) => Promise<Replay>,
): Promise<TraceAnswer> {
  if (action === 'list') return listed(store)
  const [one, other] = await Promise.all(traces.map(name => findTrace(name, store)))
  if (one === undefined) throw new InputError('ER_INPUT', 'No trace was named')
  switch (action) {
    case 'show':
      return { lines: shown(one), data: one, exit: 0 }
    case 'verify':
      return verified(one.record)
    case 'replay':
      return replayed(await replay(one))
    case 'diff':
      return compared(one.record, (other as StoredTrace).record)
  }
}

async function findTrace(name: string, store: Store | undefined): Promise<StoredTrace> {
  const stored = await store?.traces.get(name)
  if (stored !== undefined) return stored
  if (name !== '-' && !existsSync(name)) {
    throw new InputError(
      'ER_INPUT',
      `No trace ${JSON.stringify(name)}: there is no such file${store === undefined ? ' and no store yet' : ', and the store has no such id or hash'}; evidence-runner trace list shows what there is`,
    )
  }
  return traceIn(parseJson(await readText(name), name === '-' ? 'Standard input' : name))
}

/** A stored trace, an answer, or a bare record. */
function traceIn(value: unknown): StoredTrace {
  const given = (value ?? {}) as Partial<StoredTrace> & { trace?: unknown }
  const record = parseTrace(given.record ?? given.trace ?? value)
  return {
    id: typeof given.id === 'string' ? given.id : record.hash.slice(0, 12),
    subject: typeof given.subject === 'string' ? given.subject : 'evidence.enhance',
    at: typeof given.at === 'string' ? given.at : '',
    status: given.status === 'failed' ? 'failed' : 'ok',
    record,
    facts: given.facts ?? {},
    ...(given.inputs === undefined ? {} : { inputs: given.inputs }),
  }
}

async function listed(store: Store | undefined): Promise<TraceAnswer> {
  const traces = (await store?.traces.list({ limit: 50 })) ?? []
  const lines = traces.map(({ id, at, status, record, facts }) =>
    [at, id, record.hash.slice(0, 12), status.padEnd(6), String(facts['taskId'] ?? '')].join('  '),
  )
  return {
    lines: lines.length === 0 ? ['No traces yet: check some claims first'] : lines,
    data: traces,
    exit: 0,
  }
}

function shown({ id, at, status, record, facts }: StoredTrace): string[] {
  const about = Object.entries(facts).map(([name, fact]) => `  ${name}: ${JSON.stringify(fact)}`)
  return [
    `${id}  ${at}  ${status}`,
    `hash       ${record.hash}`,
    `exact hash ${record.exactHash}`,
    ...about,
    ...record.steps.flatMap(step => stepLines(step, '')),
  ]
}

function stepLines({ node, label, status, traceHash, children }: TraceStep, indent: string): string[] {
  const name = label === '' || label === node ? node : `${label}: ${node}`
  const mark = status === 'ok' ? '' : `  ${status}`
  return [
    `${indent}${name}  ${traceHash.slice(0, 12)}${mark}`,
    ...children.flatMap(child => stepLines(child, `${indent}  `)),
  ]
}

function verified(record: TraceRecord): TraceAnswer {
  const mismatch = verifyTrace(record)
  if (mismatch === undefined)
    return {
      lines: [`Holds: every hash follows from its parts; ${record.hash}`],
      data: { ok: true, hash: record.hash },
      exit: 0,
    }
  const line = `Does not hold: at ${mismatch.path || 'the root'} the ${mismatch.which} is not what its parts give`
  return { lines: [line], data: { ok: false, mismatch }, exit: 1 }
}

const sayings: Readonly<Record<Replay['same'], string>> = {
  exact: 'The same to the last bit',
  portable: 'The same: equal decisions and texts; the last bits of vectors differ',
  tolerance: 'The same within tolerance: a score rounds another way',
  different: 'Different',
}

function replayed(replay: Replay): TraceAnswer {
  const { same, recorded, replayed: again, difference } = replay
  return {
    lines: [
      sayings[same],
      `recorded  ${recorded.hash}  exact ${recorded.exactHash}`,
      `replayed  ${again.hash}  exact ${again.exactHash}`,
      ...(difference === undefined ? [] : [differenceLine(difference)]),
    ],
    data: replay,
    exit: same === 'different' ? 1 : 0,
  }
}

function compared(one: TraceRecord, other: TraceRecord): TraceAnswer {
  const difference = diffTraces(one, other)
  if (difference === undefined) return { lines: ['No difference'], data: { same: true }, exit: 0 }
  return { lines: [differenceLine(difference)], data: { same: false, difference }, exit: 1 }
}

const differenceLine = ({ path, which, a, b }: Difference): string =>
  `First difference at ${path || 'the root'}: ${which}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`
