/**
 * A Dispatch without a process: `embed` gives vectors made from a text's words (texts that share words are
 * near), every call is noted, and a test may hold calls back, fail them, or watch what they were given.
 */
import { createHash } from 'node:crypto'
import type { Call, Dispatch, Reply, RunContext } from '../../src/core/call.ts'

export const dimensions = 16

/** Each word turns on two of the numbers; the same text always gives the same vector. */
export function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(dimensions)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const [a = 0, b = 0] = createHash('sha256').update(word).digest()
    vector[a % dimensions] = (vector[a % dimensions] as number) + 1
    vector[b % dimensions] = (vector[b % dimensions] as number) + 0.5
  }
  return vector
}

export class FakeDispatch {
  /** What it was called with, in order. */
  readonly calls: { readonly call: Call; readonly context: RunContext }[] = []
  /** Calls under way now and at most so far. */
  underWay = 0
  mostUnderWay = 0
  /** Runs before each answer: throw to fail the call, wait to hold it back. */
  before: (call: Call, context: RunContext) => void | Promise<void> = () => {}

  readonly dispatch: Dispatch = async (call, context) => {
    this.calls.push({ call, context })
    this.underWay += 1
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay)
    try {
      await this.before(call, context)
      return answer(call)
    } finally {
      this.underWay -= 1
    }
  }

  /** Every text that it was asked to embed. */
  get texts(): string[] {
    return this.calls.flatMap(({ call }) => call.items as string[])
  }
}

function answer({ items }: Call): Reply {
  const data = new Float32Array(items.length * dimensions)
  for (const [index, text] of items.entries()) data.set(vectorOf(text as string), index * dimensions)
  return {
    results: { count: items.length, dimensions, data },
    usage: { calls: 1, tokens: items.length * 10, workerMs: items.length },
    timings: { queueMs: 1, modelMs: 2, wireMs: 3 },
    attempt: 1,
    wastedMs: 0,
  }
}
