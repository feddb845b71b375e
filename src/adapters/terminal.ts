/**
 * What people see: a table of checked claims with the cited words highlighted, a progress bar, findings of
 * the doctor. Colours only where the stream is a terminal and NO_COLOR is not set.
 */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { ErrorRecord } from '../core/errors.ts'
import type { ManyOutcome } from '../evidence/outcome.ts'
import type { EnhancedEvidence, Stance, Verdict } from '../evidence/result.ts'
import { termsIn } from '../evidence/terms.ts'

type Stream = NodeJS.WriteStream

/** Of the longest verdict. */
const verdictWidth = 'not-enough-evidence'.length

const verdictColours = {
  supported: 'green',
  refuted: 'red',
  disputed: 'magenta',
  'not-enough-evidence': 'yellow',
} as const satisfies Record<Verdict, string>

const stanceColours = { supports: 'green', refutes: 'red', neutral: 'dim' } as const satisfies Record<
  Stance,
  string
>

export class Terminal {
  readonly #out: Stream
  readonly #status: Stream
  #bar = ''
  /** Whether text was streamed that no line end has followed. */
  #open = false

  constructor(out: Stream = process.stdout, status: Stream = process.stderr) {
    this.#out = out
    this.#status = status
  }

  /** A line on stdout. A reader that has gone is no error of ours: see the command line's handler for EPIPE. */
  line(text = ''): void {
    this.#hideBar()
    if (this.#open) this.#out.write('\n')
    this.#open = false
    // Control characters of a source must not reach the terminal; our own colours are put on afterwards.
    this.#out.write(`${text}\n`)
    this.#showBar()
  }

  /** Text that goes on where the last one ended; the next line begins on one of its own. */
  stream(text: string): void {
    if (text === '') return
    this.#hideBar()
    this.#out.write(text)
    this.#open = !text.endsWith('\n')
  }

  /** One line on stderr: what happened and what to do. */
  problem(error: ErrorRecord): void {
    this.#hideBar()
    const mark = this.#paint('red', 'error', this.#status)
    this.#status.write(`${mark} ${error.code}: ${clean(error.message)}\n`)
  }

  note(text: string): void {
    this.#hideBar()
    this.#status.write(`${text}\n`)
    this.#showBar()
  }

  /** Shows how far a long run has come, on a terminal only. An empty label takes the bar away. */
  progress(label: string, done = 0, total?: number): void {
    this.#hideBar()
    if (!this.#status.isTTY || label === '') {
      this.#bar = ''
      return
    }
    const width = 24
    const filled = total === undefined ? 0 : Math.round((done / Math.max(1, total)) * width)
    const bar = total === undefined ? '' : `[${'█'.repeat(filled)}${'░'.repeat(width - filled)}] `
    this.#bar = `${bar}${done}${total === undefined ? '' : `/${total}`} ${label}`
    this.#showBar()
  }

  /** One checked claim: a heading row, its analysis where one was written and not shown yet, and its citations. */
  evidence(outcome: ManyOutcome, number: number, withAnalysis = true): void {
    if ('error' in outcome) {
      this.line(
        `${String(number).padStart(3)}  ${this.#paint('red', 'error'.padEnd(verdictWidth))}  ${clean(outcome.taskId ?? `line ${outcome.line}`)}`,
      )
      this.line(`     ${outcome.error.code}: ${clean(outcome.error.message)}`)
      return
    }
    const terms = new Set(termsIn(outcome.originalClaim))
    const mark = this.#paint(verdictColours[outcome.verdict], outcome.verdict.padEnd(verdictWidth))
    const scored = this.#paint('bold', outcome.confidence.toFixed(2))
    this.line(
      `${String(number).padStart(3)}  ${mark}  ${scored}  ${this.#paint('bold', clean(outcome.originalClaim))}`,
    )
    const written = withAnalysis && outcome.metadata.analysisMethod === 'generated'
    for (const line of written ? proseIn(outcome.aiAnalysis) : []) this.line(`     ${clean(line)}`)
    for (const { sourceId, score, stance, text } of outcome.citations) {
      const shown = this.#highlight(shorten(clean(text)), terms)
      const side = this.#paint(stanceColours[stance], stance.padStart(verdictWidth))
      this.line(`     ${side}  ${score.toFixed(2)}  ${this.#paint('cyan', clean(sourceId))}: ${shown}`)
    }
    for (const note of notesOf(outcome)) this.line(`     ${this.#paint('dim', note)}`)
  }

  /** The line over the table. */
  heading(): void {
    this.line(this.#paint('dim', `  #  ${'verdict'.padEnd(verdictWidth)}  conf  claim, and what is cited`))
  }

  finding(name: string, ok: boolean, detail: string, mend?: string): void {
    this.line(
      `${ok ? this.#paint('green', 'ok   ') : this.#paint('red', 'fault')}  ${name.padEnd(18)} ${clean(detail)}`,
    )
    if (mend !== undefined) this.line(`       ${' '.repeat(18)} → ${clean(mend)}`)
  }

  #highlight(text: string, terms: ReadonlySet<string>): string {
    return text.replace(/[\p{L}\p{M}]+|\p{N}+(?:[.,]\p{N}+)*/gu, word =>
      termsIn(word).some(term => terms.has(term)) ? this.#paint('underline', word) : word,
    )
  }

  #paint(style: Parameters<typeof styleText>[0], text: string, stream: Stream = this.#out): string {
    return styleText(style, text, { stream, validateStream: true })
  }

  #showBar(): void {
    if (this.#bar !== '') this.#status.write(`\r${this.#bar}`)
  }

  #hideBar(): void {
    if (this.#bar !== '') this.#status.write('\r\u001b[K')
  }
}

/** The lines of a written analysis before its list of citations. */
function proseIn(analysis: string): string[] {
  const lines = analysis.split('\n')
  const list = lines.findIndex(line => /^\[\d+\] “/.test(line))
  return list < 0 ? lines : lines.slice(0, list)
}

function notesOf(evidence: EnhancedEvidence): string[] {
  const { abstained, coverage, errors, leaning, warnings, fallbackUsed, validation } = evidence
  const leans = abstained && leaning !== null ? [`leans to ${leaning}, not surely enough to say so`] : []
  const read =
    coverage.passagesRead < coverage.passages
      ? [`read ${coverage.passagesRead} of ${coverage.passages} passages, chosen by words, names and numbers`]
      : []
  const fell = fallbackUsed ? ['no worker could be had: compared by words alone'] : []
  const faults = validation.checks.flatMap(({ name, faults }) =>
    faults.filter(({ severity }) => severity !== 'info').map(({ message }) => `${name}: ${clean(message)}`),
  )
  return [
    ...leans,
    ...read,
    ...fell,
    ...faults,
    ...errors.map(({ code, message }) => `${code}: ${clean(message)}`),
    ...warnings.map(clean),
  ]
}

/** Text on one line, without anything that could steer a terminal or turn its direction. */
export const clean = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/[\p{Cc}\s\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()

const shorten = (text: string): string =>
  text.length <= 200
    ? text
    : `${text
        .slice(0, 199)
        .replace(/[\ud800-\udbff]$/, '')
        .trimEnd()}…`
