/**
 * Where dispatches are charged: room for the most that a call can take is kept before it, and what it took is
 * settled after it. Once a reply and nowhere else: the pool never charges, nor does the executor of plans. What
 * a worker's death wasted is in no reply, so it is free.
 */
import { type Call, type Dispatch, generatedAtMost, type Reply } from './call.ts'
import { BudgetError, InputError, OverloadError, RunnerError } from './errors.ts'
import { nothingSpent, type Spend, type Unit } from './ledger.ts'
import { nanoUsdOf } from './money.ts'

/** Marks that a tokeniser puts around a text, such as [CLS] and [SEP]. */
const markTokens = 2
/**
 * A word that is a token at least, from its first letter or digit on. Between words stands what word pieces and
 * byte pairs both split at; of other white space some is taken out, and what stood on both sides is one word.
 */
const words = /[\p{L}\p{N}][^ \t\n\r\p{Z}]*/gu

/**
 * A Dispatch that keeps within the context's ledger.
 * @throws BudgetError ER_BUDGET_SPENT before anything is sent, where the most that the call can take does not fit;
 * whatever `dispatch` throws.
 */
export const budgeted =
  (dispatch: Dispatch): Dispatch =>
  async (call, context) => {
    const reservation = context.ledger.reserve(mostOf(call), unboundedOf(call))
    try {
      const reply = await dispatch(call, context)
      reservation.settle(spentOn(call, reply))
      return reply
    } catch (error) {
      if (wasNeverBegun(error)) reservation.release()
      else reservation.fail()
      throw error
    }
  }

/**
 * The most that a call can take, but for worker time and its price, which nothing bounds beforehand: they are 0
 * here. A token is a byte of text at least, in word pieces and byte pairs alike; of an item that asks for text to be
 * written, as many more as it asks for.
 */
export const mostOf = (call: Call): Spend =>
  spendOf(call, (item, cap) => Math.min(cap, markTokens + bytesOf(item) + generatedAtMost(item)))

/**
 * The least that a call takes unless it is answered from a cache: a token a word, where it has a model. Of items
 * that are no texts nothing can be told.
 */
export const leastOf = (call: Call): Spend =>
  spendOf(call, (item, cap) =>
    typeof item === 'string' && hasModel(call) ? Math.min(cap, markTokens + wordsIn(item)) : 0,
  )

/** A limit on worker time, or on money where that is its price, stops the calls after the one that used it up. */
function unboundedOf({ items, variant: { price } }: Call): readonly Unit[] {
  if (items.length === 0) return []
  return price.usdPerSecond > 0 ? ['workerMs', 'nanoUsd'] : ['workerMs']
}

function spendOf(call: Call, tokensOf: (item: unknown, cap: number) => number): Spend {
  const { items, variant } = call
  if (items.length === 0) return nothingSpent
  const cap = variant.limits.maxTokens || Number.POSITIVE_INFINITY
  const tokens = items.reduce<number>((sum, item) => sum + tokensOf(item, cap), 0)
  return { calls: 1, tokens, workerMs: 0, nanoUsd: priceOf(call, tokens, 0) }
}

function spentOn(call: Call, { usage }: Reply): Spend {
  if (usage.calls === 0) return nothingSpent
  return { ...usage, nanoUsd: priceOf(call, usage.tokens, usage.workerMs) }
}

function priceOf({ variant: { price } }: Call, tokens: number, workerMs: number): number {
  if (price.usdPer1kTokens === 0 && price.usdPerSecond === 0) return 0
  return nanoUsdOf((price.usdPer1kTokens * tokens + price.usdPerSecond * workerMs) / 1000)
}

/** Refused at the door, or no worker could be started for it; of anything else nobody knows how far it got. */
const wasNeverBegun = (error: unknown): boolean =>
  error instanceof InputError ||
  error instanceof OverloadError ||
  error instanceof BudgetError ||
  (error instanceof RunnerError && /^ER_(WORKER_SPAWN|MODEL_LOAD|MODEL_MISMATCH)$/.test(error.code))

const hasModel = ({ variant: { limits } }: Call): boolean => limits.maxTokens > 0 || limits.dimensions > 0

const wordsIn = (text: string): number => text.match(words)?.length ?? 0

/** In UTF-8. An item that has no JSON is refused by whoever sends it. */
function bytesOf(item: unknown): number {
  if (typeof item === 'string') return Buffer.byteLength(item)
  try {
    return Buffer.byteLength(JSON.stringify(item) ?? '')
  } catch {
    return 0
  }
}
