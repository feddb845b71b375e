/** Figures of all generations that one host has had answered: how much was written, and how much reading was saved. */
import type { Call, Reply } from '../core/call.ts'

/** What generations came to, all together. */
export type GenerationTotals = {
  /** Texts written and questions answered by chances. */
  readonly answers: number
  /** Of these, the ones whose beginning had been read for another. */
  readonly prefixHits: number
  /** Tokens written. */
  readonly tokens: number
  readonly promptTokens: number
  /** Of the prompts' tokens, those that were not read again. */
  readonly sharedTokens: number
  /** Shared tokens of the prompts', 0 to 1; 0 while there were none. */
  readonly sharedPart: number
  /** What the worker that answered last keeps of beginnings. */
  readonly prefixBytes: number
}

type Answer = {
  readonly tokens?: unknown
  readonly promptTokens?: unknown
  readonly sharedTokens?: unknown
  readonly prefixBytes?: unknown
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)

export class GenerationTally {
  #answers = 0
  #prefixHits = 0
  #tokens = 0
  #promptTokens = 0
  #sharedTokens = 0
  #prefixBytes = 0

  /** Takes the reply to a call; of another operation than `generate` there is nothing to count. */
  note({ variant }: Call, { results }: Reply): void {
    if (variant.op !== 'generate') return
    for (const answer of results as readonly Answer[]) {
      const shared = numberOf(answer.sharedTokens)
      this.#answers += 1
      this.#prefixHits += shared > 0 ? 1 : 0
      this.#tokens += numberOf(answer.tokens)
      this.#promptTokens += numberOf(answer.promptTokens)
      this.#sharedTokens += shared
      this.#prefixBytes = numberOf(answer.prefixBytes)
    }
  }

  get totals(): GenerationTotals {
    return {
      answers: this.#answers,
      prefixHits: this.#prefixHits,
      tokens: this.#tokens,
      promptTokens: this.#promptTokens,
      sharedTokens: this.#sharedTokens,
      sharedPart: this.#promptTokens === 0 ? 0 : this.#sharedTokens / this.#promptTokens,
      prefixBytes: this.#prefixBytes,
    }
  }
}
