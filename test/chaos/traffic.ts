/**
 * Calls of several callers, each with a text of its own, and a record of what became of every one: how often
 * it settled, with what, and whether that is what it was owed.
 */
import { getEventListeners } from 'node:events'
import { budgeted } from '../../src/core/budgeted-dispatch.ts'
import type { Reply, RunContext } from '../../src/core/call.ts'
import { RunnerError } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import type { Pool } from '../../src/pool/pool.ts'
import { echoCall, echoes, echoOf } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

const classes = ['normal', 'interactive', 'bulk'] as const
const callers = ['ada', 'ben', 'cem', 'dot']
let texts = 0

/** How a call is made. */
export type Manner = {
  /** Items. @default 1, 2 or 3 */
  readonly items?: number
  /** Of each item. */
  readonly characters?: number
  /** The struck worker holds the batch that it is in until it is struck. */
  readonly hold?: boolean
  readonly delayMs?: number
  /** Rejections that are no failure: codes, or `abort` for the caller's own. */
  readonly may?: readonly string[]
  readonly deadlineMs?: number
}

/** A call that was made. */
export class Sent {
  readonly texts: readonly string[]
  readonly caller: string
  readonly may: readonly string[]
  readonly controller = new AbortController()
  readonly settled: Promise<void>
  settlements = 0
  reply: Reply | undefined
  /** A code, or `abort`, or what else it was rejected with. */
  rejection: string | undefined

  constructor(
    texts: readonly string[],
    caller: string,
    may: readonly string[],
    run: (sent: Sent) => Promise<Reply>,
  ) {
    this.texts = texts
    this.caller = caller
    this.may = may
    this.settled = run(this).then(
      reply => {
        this.settlements += 1
        this.reply = reply
      },
      (error: unknown) => {
        this.settlements += 1
        this.rejection =
          error === this.controller.signal.reason
            ? 'abort'
            : error instanceof RunnerError
              ? error.code
              : String(error)
      },
    )
  }

  get bytes(): number {
    return this.texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  }

  /** The caller gives up. */
  leave(): void {
    this.controller.abort(new Error('the caller has gone'))
  }

  /** What is wrong with how it ended; empty when nothing is. */
  get complaint(): string {
    const name = `“${this.texts[0]?.slice(0, 20)}” of ${this.caller}`
    if (this.settlements !== 1) return `${name} settled ${this.settlements} times`
    if (getEventListeners(this.controller.signal, 'abort').length > 0) return `${name} left a listener`
    if (this.rejection !== undefined)
      return this.may.includes(this.rejection) ? '' : `${name} was rejected with ${this.rejection}`
    const answers = echoes(this.reply as Reply)
    const right =
      answers.length === this.texts.length &&
      this.texts.every((text, index) => {
        const { crc, bytes } = echoOf(text)
        return answers[index]?.crc === crc && answers[index]?.bytes === bytes
      })
    return right ? '' : `${name} got somebody else's answer`
  }
}

/** Everything that was sent to one pool. */
export class Traffic {
  readonly all: Sent[] = []
  readonly total = new Ledger()
  readonly #ledgers = new Map<string, Ledger>()
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Sends one call; caller, class and number of items go round. */
  send(manner: Manner = {}): Sent {
    const number = ++texts
    const caller = callers[number % callers.length] as string
    const count = manner.items ?? 1 + (number % 3)
    const words = Array.from({ length: count }, (_, index) =>
      `text ${number}.${index} `.padEnd(manner.characters ?? 16 + ((number * 7 + index) % 40), 'é'),
    )
    const options = {
      ...(manner.hold ? { hold: true } : {}),
      ...(manner.delayMs === undefined ? {} : { delayMs: manner.delayMs }),
    }
    const sent = new Sent(words, caller, manner.may ?? [], ({ controller }) => {
      const context: Partial<RunContext> = {
        id: `request-${number}`,
        signal: controller.signal,
        caller,
        class: classes[number % classes.length] ?? 'normal',
        ledger: this.#ledgerOf(caller),
        ...(manner.deadlineMs === undefined ? {} : { deadline: performance.now() + manner.deadlineMs }),
      }
      return budgeted(this.#pool.dispatch)(echoCall(words, options), runContext(context))
    })
    this.all.push(sent)
    return sent
  }

  /** Sends several at once. */
  burst(count: number, manner: Manner = {}): Sent[] {
    return Array.from({ length: count }, () => this.send(manner))
  }

  /** A burst of which one caller gives up at once, one soon and one has too little time. */
  mixture(count: number): Sent[] {
    const sent = this.burst(count)
    const leaver = this.send({ may: ['abort'] })
    leaver.leave()
    const late = this.send({ may: ['abort'], delayMs: 5 })
    setImmediate(() => late.leave())
    const hurried = this.send({ may: ['ER_DEADLINE', 'ER_QUEUE_FULL'], deadlineMs: 20, delayMs: 10 })
    return [...sent, leaver, late, hurried]
  }

  get answered(): Sent[] {
    return this.all.filter(({ reply }) => reply !== undefined)
  }

  /** How many were rejected, by what. */
  get rejected(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { rejection } of this.all)
      if (rejection !== undefined) counts[rejection] = (counts[rejection] ?? 0) + 1
    return counts
  }

  /** What is wrong with calls and ledgers. */
  complaints(): string[] {
    const { calls, tokens, workerMs } = this.total.spent
    const { answered } = this
    const bytes = answered.reduce((sum, sent) => sum + sent.bytes, 0)
    const time = answered.reduce((sum, { reply }) => sum + (reply?.usage.workerMs ?? 0), 0)
    const owed = (caller: string) => answered.filter(sent => sent.caller === caller).length
    return [
      ...this.all.map(({ complaint }) => complaint),
      calls === answered.length ? '' : `${calls} calls were charged, ${answered.length} answered`,
      tokens === bytes ? '' : `${tokens} tokens were charged, ${bytes} answered`,
      Math.abs(workerMs - time) < 1e-3 ? '' : `${workerMs} ms were charged, ${time} answered`,
      ...[...this.#ledgers].map(([caller, { spent }]) =>
        spent.calls === owed(caller) ? '' : `${caller} paid ${spent.calls} calls and got ${owed(caller)}`,
      ),
    ].filter(complaint => complaint !== '')
  }

  #ledgerOf(caller: string): Ledger {
    const known = this.#ledgers.get(caller) ?? new Ledger({ parent: this.total, refundOnFailure: true })
    this.#ledgers.set(caller, known)
    return known
  }
}
