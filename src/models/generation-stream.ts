/**
 * A generation as it is written: events for who wants to read along, and the result for who does not. Knows no
 * process; what a worker's death means to the reader is told by the attempt that a part belongs to.
 *
 *   text* ──▶ done                                 a worker died: text* ──▶ restarted ──▶ text* ──▶ done
 *      └────▶ the error, thrown once                              (what came before it is no longer true)
 */
import { limitedSignal } from '../core/async.ts'
import type { Dispatch, Part, Reply, RunContext, VariantRef } from '../core/call.ts'
import {
  type GenerationItem,
  type GenerationRequest,
  type GenerationResult,
  generationItem,
  generationResult,
  refuseCut,
  Seeds,
} from './generation.ts'

/** What a reader of a stream is told. */
export type GenerationEvent =
  | { readonly type: 'text'; readonly text: string }
  /** A worker died, and the text begins anew: what came before is to be thrown away. */
  | { readonly type: 'restarted'; readonly attempt: number }
  | { readonly type: 'done'; readonly result: GenerationResult }

/** What ends a stream. */
type End = Extract<GenerationEvent, { type: 'done' }> | { readonly type: 'failed'; readonly error: unknown }

/** How a generation is run. */
export type GenerationOptions = {
  /** Whether it begins anew when its worker dies; if not, it fails with a retryable WorkerError. @default true */
  readonly restart?: boolean
  /** Where its seed comes from if the request has none. @default one of its own */
  readonly seeds?: Seeds
}

/** The reader's end of a generation. One reads it; leaving the loop before its end stops the generation. */
export class GenerationStream implements AsyncIterable<GenerationEvent>, AsyncDisposable {
  /**
   * The whole, whether or not anybody reads along. Nobody need await it: a failure that is not heard of is no
   * unhandled rejection.
   */
  readonly result: Promise<GenerationResult>
  readonly #controller = new AbortController()
  /** The attempt that the text given so far belongs to. */
  #attempt = 1
  #restarted = false
  /** Written and not read: bounded by the text itself, however slow the reader. */
  #text = ''
  #end: End | undefined
  #over = false
  #news = Promise.withResolvers<void>()

  /** @param run starts the generation; told what to do with its parts, and the signal that stops it. */
  constructor(run: (onPart: (part: Part) => void, signal: AbortSignal) => Promise<GenerationResult>) {
    this.result = run(part => this.#part(part), this.#controller.signal)
    this.result.then(
      result => {
        // A worker may have died before anybody saw a part of the last attempt.
        this.#follow(result.attempt)
        this.#finish({ type: 'done', result })
      },
      error => this.#finish({ type: 'failed', error }),
    )
  }

  [Symbol.asyncIterator](): AsyncIterator<GenerationEvent, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.cancel()
        return { done: true, value: undefined }
      },
    }
  }

  /** Stops the generation and frees its slot; `result` rejects with `reason`. Does nothing once it is over. */
  cancel(reason?: unknown): void {
    this.#over = true
    this.#tell()
    this.#controller.abort(reason)
  }

  /** Stops the generation, if it runs, and waits until it has stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel()
    await this.result.catch(() => {})
  }

  async #next(): Promise<IteratorResult<GenerationEvent, undefined>> {
    for (;;) {
      const event = this.#take()
      if (event?.type === 'failed') throw event.error
      if (event !== undefined) return { done: false, value: event }
      if (this.#over) return { done: true, value: undefined }
      await this.#news.promise
    }
  }

  /** The next event, if there is one. */
  #take(): GenerationEvent | End | undefined {
    if (this.#over) return undefined
    if (this.#restarted) {
      this.#restarted = false
      return { type: 'restarted', attempt: this.#attempt }
    }
    if (this.#text !== '') {
      const text = this.#text
      this.#text = ''
      return { type: 'text', text }
    }
    this.#over = this.#end !== undefined
    return this.#end
  }

  #part({ attempt, delta }: Part): void {
    this.#follow(attempt)
    this.#text += (delta as { readonly text: string }).text
    this.#tell()
  }

  /** What was written in an earlier attempt and not read yet is not worth reading. */
  #follow(attempt: number): void {
    if (attempt === this.#attempt) return
    this.#attempt = attempt
    this.#restarted = true
    this.#text = ''
  }

  #finish(end: End): void {
    this.#end = end
    this.#tell()
  }

  #tell(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers<void>()
  }
}

/**
 * Starts a generation. What is wrong with the request is told as any other failure is: by `result` and to the
 * reader.
 */
export function streamGeneration(
  dispatch: Dispatch,
  variant: VariantRef,
  request: GenerationRequest,
  context: RunContext,
  options: GenerationOptions = {},
): GenerationStream {
  return new GenerationStream(async (onPart, own) => {
    const { restart = true, seeds = new Seeds() } = options
    const item = generationItem({ stream: true, ...request }, seeds)
    const call = { variant, items: [item], restart, ...(item.stream ? { onPart } : {}) }
    // Not AbortSignal.any(): what that hangs on a caller's signal stays there as long as the signal lives.
    const { signal, abort, release } = limitedSignal(context.signal, Number.POSITIVE_INFINITY, 'A generation')
    own.addEventListener('abort', () => abort(own.reason))
    if (own.aborted) abort(own.reason)
    try {
      return resultOf(item, await dispatch(call, { ...context, signal }))
    } finally {
      release()
    }
  })
}

function resultOf(item: GenerationItem, { results, attempt }: Reply): GenerationResult {
  const result = generationResult((results as readonly unknown[])[0], item, attempt)
  refuseCut(result, item)
  return result
}
