/** GenerationTally counts what generations came to. */
import { expect, test } from 'vitest'
import type { Reply } from '../../src/core/call.ts'
import { builtInEncoder } from '../../src/models/encoder.ts'
import { GenerationTally } from '../../src/models/generation-tally.ts'
import { fakeGenerator } from '../support/fake-writer.ts'

const reply = (results: readonly unknown[]): Reply => ({
  results,
  usage: { calls: 1, tokens: 1, workerMs: 1 },
  timings: { queueMs: 0, modelMs: 1, wireMs: 0 },
  attempt: 1,
  wastedMs: 0,
})

test('GenerationTally adds up answers, and how much of the prompts was shared', () => {
  const tally = new GenerationTally()
  expect(tally.totals).toMatchObject({ answers: 0, sharedPart: 0 })
  const call = { variant: fakeGenerator, items: [] }
  tally.note(call, reply([{ labels: [-1, -2], promptTokens: 100, sharedTokens: 0, prefixBytes: 5000 }]))
  tally.note(call, reply([{ text: 'x', tokens: 7, promptTokens: 100, sharedTokens: 80, prefixBytes: 6000 }]))
  tally.note({ variant: builtInEncoder, items: [] }, reply([{ promptTokens: 9 }]))
  expect(tally.totals).toEqual({
    ...{ answers: 2, prefixHits: 1, tokens: 7, promptTokens: 200, sharedTokens: 80, sharedPart: 0.4 },
    prefixBytes: 6000,
  })
})
