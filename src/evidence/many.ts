/** Runs work over an iterable with a bound on what is under way, and gives outcomes as they come or in order. */

export type ManyOptions = {
  /** Items under way at most; no more are taken from the source meanwhile. */
  readonly concurrency: number
  /** In the order of the source, or as each is done. @default true */
  readonly ordered?: boolean
  /** Abort to end the run at once, even while the source is silent; it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What can fail belongs into an outcome: work that rejects ends the run with its error. A source that throws ends the run with its
 * error, after the outcomes of what it had given. Leaving the loop early closes the source.
 */
export async function* overMany<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T, index: number) => Promise<R>,
  options: ManyOptions,
): AsyncGenerator<R, void, undefined> {
  const { concurrency, ordered = true, signal } = options
  const iterator = iteratorOf(source)
  const running: Promise<{ slot: object; outcome: R }>[] = []
  const slots: object[] = []
  let next: Promise<{ result: IteratorResult<T> } | { failure: unknown }> | undefined
  let failure: { error: unknown } | undefined
  let ended = false
  let index = 0
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  aborted.catch(() => {})
  const onAbort = () => reject(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    while (!ended || running.length > 0) {
      if (!ended && running.length < concurrency) next ??= take(iterator)
      const ready = ordered ? running.slice(0, 1) : running
      // A slow source must not hold back what is done, nor slow work the source.
      const input = next !== undefined && running.length < concurrency ? [next] : []
      const event = await Promise.race([aborted, ...ready, ...input])
      if ('outcome' in event) {
        const place = slots.indexOf(event.slot)
        slots.splice(place, 1)
        running.splice(place, 1)
        yield event.outcome
        continue
      }
      next = undefined
      if ('failure' in event) failure = { error: event.failure }
      if ('failure' in event || event.result.done) ended = true
      else {
        const slot = {}
        const promise = work(event.result.value, index).then(outcome => ({ slot, outcome }))
        promise.catch(() => {}) // heard by the race, unless another ended the run before
        slots.push(slot)
        running.push(promise)
        index += 1
      }
    }
    if (failure !== undefined) throw failure.error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // Not awaited: a generator that waits for its next item can't return before it has come.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

const iteratorOf = <T>(source: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()

const take = async <T>(iterator: AsyncIterator<T> | Iterator<T>) => {
  try {
    return { result: await iterator.next() }
  } catch (failure) {
    return { failure }
  }
}
