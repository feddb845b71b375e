/** Long work in short pieces: between them the event loop has its turn. */

/** How long a piece may take, in milliseconds. */
export const turnMs = 1

/** Resolves when everything that is due has had its turn. */
export const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** `values.flatMap(each)`, in pieces. */
export async function flatMapInTurns<T, R>(
  values: readonly T[],
  each: (value: T) => readonly R[],
): Promise<readonly R[]> {
  const results: R[] = []
  let begin = performance.now()
  for (const value of values) {
    results.push(...each(value))
    if (performance.now() - begin < turnMs) continue
    await nextTurn()
    begin = performance.now()
  }
  return results
}
