/**
 * Whether sources hold what should not be obeyed or not be there: marks of prompt injection, and secrets. They
 * are told with their place and without their words; no verdict depends on them, and nothing acts on them.
 */
import type { Citation } from '../../result.ts'
import type { Outcome, Validator } from '../pipeline.ts'
import type { Fault, Severity } from '../report.ts'
import type { Subject } from '../subject.ts'
import type { Mark } from './rule.ts'
import { type Marks, type Passage, Scanner } from './scan.ts'

/** How marks are told. */
export type SafetyOptions = {
  /** What a mark does to the answer: `error` fails it. @default 'warning' */
  readonly severity?: Severity
  /** Marks told of one source; the rest is counted. @default 10 */
  readonly maxPerSource?: number
}

/** Faults of one answer at most, however many sources it has. */
const mostFaults = 200
/** What is read at once, about a few milliseconds; larger sources let others have their turn between. */
const charactersPerTurn = 1024 * 1024

/** The rules as one automaton: some milliseconds to make, the same for all, and never changed. */
let shared: Scanner | undefined

/** Its score has no weight: what stands in a source does not make the answer better or worse. */
export function safety(options: SafetyOptions = {}): Validator {
  const { severity = 'warning', maxPerSource = 10 } = options
  return {
    name: 'safety',
    weight: 0,
    timeoutMs: 30_000,
    check: ({ contents, findings }, signal) => {
      shared ??= new Scanner()
      const scanner = shared
      const faults = new FaultList(severity, maxPerSource, findings.citations)
      let total = 0
      for (const content of contents.values()) total += content.length
      if (total > charactersPerTurn) return readInTurns(scanner, contents, faults, signal)
      for (const [id, content] of contents) faults.add(id, marksOf(scanner, content))
      return faults.outcome()
    },
  }
}

function marksOf(scanner: Scanner, content: string): Marks {
  const passage = scanner.over(content)
  passage.read(0, content.length)
  return passage.marks()
}

async function readInTurns(
  scanner: Scanner,
  contents: Subject['contents'],
  faults: FaultList,
  signal: AbortSignal,
): Promise<Outcome> {
  let left = charactersPerTurn
  for (const [id, content] of contents) {
    const passage: Passage = scanner.over(content)
    for (let from = 0; from < content.length; ) {
      const to = Math.min(content.length, from + left)
      passage.read(from, to)
      left -= to - from
      from = to
      if (left > 0) continue
      left = charactersPerTurn
      await new Promise(resolve => setImmediate(resolve))
      signal.throwIfAborted()
    }
    faults.add(id, passage.marks())
  }
  return faults.outcome()
}

/** The marks of all sources as faults, no more of them than can be read. */
class FaultList {
  readonly #faults: Fault[] = []
  readonly #severity: Severity
  readonly #maxPerSource: number
  readonly #citations: readonly Citation[]
  /** Marks of sources that are told of no more. */
  #untold = 0
  #marked = false

  constructor(severity: Severity, maxPerSource: number, citations: readonly Citation[]) {
    this.#severity = severity
    this.#maxPerSource = maxPerSource
    this.#citations = citations
  }

  add(sourceId: string, { marks, more }: Marks): void {
    const count = marks.length + more
    if (count === 0) return
    this.#marked = true
    const room = Math.min(this.#maxPerSource, mostFaults - this.#faults.length)
    if (room <= 0) {
      this.#untold += count
      return
    }
    // Secrets first: they are the owner's to change. Then as they stand in the source.
    const told = marks
      .toSorted((a, b) => Number(b.kind === 'secret') - Number(a.kind === 'secret'))
      .slice(0, room)
    for (const mark of told) this.#faults.push(this.#faultOf(sourceId, mark))
    if (count > told.length) {
      const message = `${sourceId} holds ${count - told.length} more such places`
      this.#faults.push({ severity: this.#severity, message, sourceId })
    }
  }

  outcome(): Outcome {
    const message = `other sources hold ${this.#untold} more such places`
    const rest = this.#untold === 0 ? [] : [{ severity: this.#severity, message }]
    return { score: this.#marked ? 0 : 1, faults: [...this.#faults, ...rest] }
  }

  #faultOf(sourceId: string, { end, kind, start, what }: Mark): Fault {
    const cited = this.#citations.some(
      citation => citation.sourceId === sourceId && citation.start < end && start < citation.end,
    )
    const message =
      kind === 'secret'
        ? `${sourceId} holds what looks like ${what}${cited ? ', and the answer cites it' : ''}: change it where it is valid`
        : `${sourceId} holds ${what}${cited ? ', and the answer cites it' : ''}: it was read as text and not followed`
    return { severity: this.#severity, message, sourceId, start, end }
  }
}
