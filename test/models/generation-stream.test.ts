/** What a reader of a generation is told, by hand: parts, deaths, ends and leaving early. No worker. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  type Call,
  free,
  type Part,
  type Reply,
  type RunContext,
  type VariantRef,
} from '../../src/core/call.ts'
import { errorOf } from '../../src/core/errors.ts'
import { type GenerationRequest, Seeds } from '../../src/models/generation.ts'
import {
  type GenerationEvent,
  type GenerationStream,
  streamGeneration,
} from '../../src/models/generation-stream.ts'
import { turns } from '../support/condition.ts'
import { runContext } from '../support/run-context.ts'

const variant: VariantRef = {
  name: 'tiny',
  op: 'generate',
  model: 'tiny',
  revision: '1',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 256, dimensions: 0 },
}

const answer = (text: string) => ({
  text,
  reason: 'stop',
  tokens: 3,
  tokensPerSecond: 40,
  promptTokens: 12,
  sharedTokens: 8,
  firstTokenMs: 3.5,
  prefixBytes: 4096,
})

/** A Dispatch that does what the test says: one call, its parts, its end. */
class Hand {
  call: Call | undefined
  context: RunContext | undefined
  #attempt = 1
  readonly #reply = Promise.withResolvers<Reply>()

  readonly dispatch = (call: Call, context: RunContext): Promise<Reply> => {
    this.call = call
    this.context = context
    context.signal.addEventListener('abort', () => this.#reply.reject(context.signal.reason))
    return this.#reply.promise
  }

  say(text: string): void {
    const part: Part = { index: 0, delta: { text, tokens: 1 }, attempt: this.#attempt }
    this.call?.onPart?.(part)
  }

  die(): void {
    this.#attempt += 1
  }

  end(text: string): void {
    this.#reply.resolve({
      results: [answer(text)],
      usage: { calls: 1, tokens: 15, workerMs: 1 },
      timings: { queueMs: 0, modelMs: 1, wireMs: 0 },
      attempt: this.#attempt,
      wastedMs: 0,
    })
  }

  fail(error: unknown): void {
    this.#reply.reject(error)
  }
}

function start(request: Partial<GenerationRequest> = {}, options: { restart?: boolean } = {}) {
  const hand = new Hand()
  const stream = streamGeneration(
    hand.dispatch,
    variant,
    { prompt: 'p', seed: 5, ...request },
    runContext(),
    options,
  )
  return { hand, stream }
}

async function eventsOf(stream: GenerationStream): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

const done = (text: string, attempt = 1) => ({ type: 'done', result: { ...answer(text), seed: 5, attempt } })

describe('a reader', () => {
  test('is given the text as it comes, and the whole at the end', async () => {
    const { hand, stream } = start()
    const reader = stream[Symbol.asyncIterator]()
    const first = reader.next()
    hand.say('Yes')
    expect(await first).toEqual({ done: false, value: { type: 'text', text: 'Yes' } })
    hand.say(', it ')
    hand.say('does.')
    // Nobody read meanwhile.
    expect(await reader.next()).toEqual({ done: false, value: { type: 'text', text: ', it does.' } })
    hand.end('Yes, it does.')
    expect(await reader.next()).toEqual({ done: false, value: done('Yes, it does.') })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    expect(await stream.result).toMatchObject({ text: 'Yes, it does.' })
  })

  test('is told once that a worker died, before any text of the new attempt', async () => {
    const { hand, stream } = start()
    const events = eventsOf(stream)
    hand.say('Ye')
    await turns()
    hand.die()
    hand.say('Y')
    hand.say('es')
    await turns()
    hand.end('Yes')
    expect(await events).toEqual([
      { type: 'text', text: 'Ye' },
      { type: 'restarted', attempt: 2 },
      { type: 'text', text: 'Yes' },
      done('Yes', 2),
    ])
  })

  test('is told so, too, where no part of the last attempt was seen', async () => {
    const { hand, stream } = start()
    hand.say('never read')
    hand.die()
    hand.end('Yes')
    await turns()
    expect(await eventsOf(stream)).toEqual([{ type: 'restarted', attempt: 2 }, done('Yes', 2)])
  })

  test('that only wants the end gets no parts', async () => {
    const { hand, stream } = start({ stream: false })
    await turns()
    expect(hand.call).toMatchObject({ items: [{ stream: false }] })
    expect(hand.call?.onPart).toBeUndefined()
    hand.end('Yes')
    expect(await eventsOf(stream)).toEqual([done('Yes')])
  })

  test('can ask for several events at once', async () => {
    const { hand, stream } = start()
    const reader = stream[Symbol.asyncIterator]()
    const asked = [reader.next(), reader.next(), reader.next()]
    hand.say('Yes')
    await turns()
    hand.end('Yes')
    expect(await Promise.all(asked)).toEqual([
      { done: false, value: { type: 'text', text: 'Yes' } },
      { done: false, value: done('Yes') },
      { done: true, value: undefined },
    ])
  })

  test('is never given anything twice, or the text of a dead attempt after its death', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'ć', '…') },
      { weight: 3, arbitrary: fc.constant('read' as const) },
      { weight: 1, arbitrary: fc.constant('die' as const) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
        const { hand, stream } = start()
        const reader = stream[Symbol.asyncIterator]()
        let written = ''
        let attempt = 1
        let given = ''
        let known = 1
        const take = async () => {
          const { value } = await reader.next()
          if (value?.type === 'text') {
            expect(known).toBe(attempt)
            given += value.text
          } else if (value?.type === 'restarted') {
            expect(value.attempt).toBe(attempt)
            expect(known).toBeLessThan(attempt)
            known = value.attempt
            given = ''
          }
          expect(written.startsWith(given)).toBe(true)
          return value
        }
        await turns(1)
        for (const each of steps) {
          if (each === 'die') {
            hand.die()
            written = ''
            attempt += 1
            // What is written after a death is what tells of it.
            hand.say('')
          } else if (each === 'read') {
            if (given !== written || known !== attempt) await take()
          } else {
            hand.say(each)
            written += each
          }
        }
        hand.end(written)
        for (let value = await take(); value?.type !== 'done'; ) value = await take()
        expect(given).toBe(written)
        expect(known).toBe(attempt)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a failure', () => {
  test('is thrown to the reader once, and to who awaits the result', async () => {
    const { hand, stream } = start({}, { restart: false })
    await turns()
    expect(hand.call?.restart).toBe(false)
    const reader = stream[Symbol.asyncIterator]()
    hand.say('Ye')
    const death = errorOf('ER_WORKER_EXIT', 'A worker exited (SIGKILL)')
    hand.fail(death)
    await turns()
    expect(await reader.next()).toMatchObject({ value: { text: 'Ye' } })
    await expect(reader.next()).rejects.toBe(death)
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    await expect(stream.result).rejects.toBe(death)
  })

  test('that nobody hears of is no unhandled rejection', async () => {
    const heard = vi.fn()
    process.on('unhandledRejection', heard)
    try {
      const { hand, stream } = start()
      hand.fail(new Error('nobody listens'))
      stream[Symbol.asyncIterator]()
      await turns(10)
      expect(heard).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', heard)
    }
  })

  test('is all that a wrong request gives', async () => {
    const { hand, stream } = start({ maxTokens: 0 })
    await expect(stream.result).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(eventsOf(stream)).rejects.toMatchObject({ code: 'ER_INPUT' })
    expect(hand.call).toBeUndefined()
  })
})

describe('leaving early', () => {
  test('stops the generation', async () => {
    const { hand, stream } = start()
    await turns()
    hand.say('Yes')
    for await (const event of stream) {
      expect(event).toEqual({ type: 'text', text: 'Yes' })
      break
    }
    expect(hand.context?.signal.aborted).toBe(true)
    await expect(stream.result).rejects.toMatchObject({ name: 'AbortError' })
    expect(await eventsOf(stream)).toEqual([])
  })

  test('ends a reader who waits, whoever does it', async () => {
    const { hand, stream } = start()
    const events = eventsOf(stream)
    await turns()
    const reason = new Error('the page was closed')
    stream.cancel(reason)
    expect(await events).toEqual([])
    expect(hand.context?.signal.reason).toBe(reason)
    await expect(stream.result).rejects.toBe(reason)
  })

  test('after the end changes nothing', async () => {
    const { hand, stream } = start()
    hand.end('Yes')
    for await (const event of stream) {
      if (event.type === 'done') break
    }
    expect(await stream.result).toMatchObject({ text: 'Yes' })
  })

  test('by `await using` waits until it has stopped', async () => {
    const { hand, stream } = start()
    {
      await using scoped = stream
      expect(scoped).toBe(stream)
      await turns()
    }
    expect(hand.context?.signal.aborted).toBe(true)
  })
})

test('the caller’s own signal stops it with its own reason', async () => {
  const gone = new AbortController()
  const hand = new Hand()
  const context = runContext({ signal: gone.signal })
  const stream = streamGeneration(hand.dispatch, variant, { prompt: 'p' }, context, { seeds: new Seeds(1) })
  await turns()
  expect(hand.call).toMatchObject({ items: [{ seed: new Seeds(1).next(), stream: true }], restart: true })
  const reason = new Error('nobody listens')
  gone.abort(reason)
  await expect(eventsOf(stream)).rejects.toBe(reason)
})
