/**
 * A Dispatch for `generate` calls that writes what a test tells it to, as a language model's worker would answer: a
 * text an item, in parts where somebody listens, and the chances of labels. All else goes to a FakeDispatch.
 */
import { type Call, type Dispatch, free, type Reply, type VariantRef } from '../../src/core/call.ts'
import type { GenerationItem } from '../../src/models/generation.ts'
import { FakeDispatch } from './fake-dispatch.ts'

export const fakeGenerator: VariantRef = {
  name: 'fake-writer',
  op: 'generate',
  model: 'fake-writer',
  revision: 'r1',
  weightsHash: 'def',
  price: free,
  limits: { maxTokens: 4096, dimensions: 0 },
}

/** What it writes for an item; called once an attempt. */
export type Write = (item: GenerationItem, attempt: number) => string

export class FakeWriter {
  readonly fake = new FakeDispatch()
  /** The `generate` calls, in order. */
  readonly calls: Call[] = []
  write: Write = () => '{}'
  /** Natural logarithms of the labels' chances. */
  logs: readonly number[] = [-0.1, -3, -4, -4]
  /** Attempts that die in the middle before the one that is answered. */
  deaths = 0
  /** Throw to fail a call. */
  before: (call: Call) => void = () => {}

  readonly dispatch: Dispatch = async (call, context) => {
    if (call.variant.op !== 'generate') return this.fake.dispatch(call, context)
    this.calls.push(call)
    this.before(call)
    for (let attempt = 1; attempt <= this.deaths; attempt += 1) this.#tell(call, attempt, 0.5)
    return this.#answer(call)
  }

  #answer(call: Call): Reply {
    const attempt = this.deaths + 1
    this.#tell(call, attempt, 1)
    const results = (call.items as readonly GenerationItem[]).map(item => {
      const made = { promptTokens: 100, sharedTokens: 60, firstTokenMs: 5, prefixBytes: 1000 }
      if (item.labels !== null) return { labels: this.logs, mass: 0.9, ...made }
      return { text: this.write(item, attempt), reason: 'stop', tokens: 20, tokensPerSecond: 50, ...made }
    })
    return {
      results,
      usage: { calls: 1, tokens: 120, workerMs: 9 },
      timings: { queueMs: 1, modelMs: 9, wireMs: 1 },
      attempt,
      wastedMs: 0,
    }
  }

  /** Tells the first `part` of each text in pieces of seven characters. */
  #tell({ items, onPart }: Call, attempt: number, part: number): void {
    for (const [index, item] of (items as readonly GenerationItem[]).entries()) {
      if (item.labels !== null || !item.stream) continue
      const text = this.write(item, attempt)
      for (let at = 0; at < text.length * part; at += 7)
        onPart?.({ index, delta: { text: text.slice(at, at + 7), tokens: 1 }, attempt })
    }
  }
}
