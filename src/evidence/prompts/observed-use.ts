/**
 * Counts how often each prompt is asked for, for few enough of them: beyond a limit all counts are halved and what
 * comes to nothing is forgotten, so that what was asked for once long ago goes first.
 */

export class ObservedUse<Key> {
  readonly #counts = new Map<string, { key: Key; count: number }>()
  readonly #most: number

  /** @param most how many are counted side by side. */
  constructor(most: number) {
    this.#most = most
  }

  /** Counts one use. */
  add(name: string, key: Key): void {
    const known = this.#counts.get(name)
    if (known !== undefined) known.count += 1
    else {
      while (this.#counts.size >= this.#most) this.#halve()
      this.#counts.set(name, { key, count: 1 })
    }
  }

  /** The `n` that were asked for most, most first; of equals the one that was first asked for earlier. */
  top(n: number): Key[] {
    return [...this.#counts.values()]
      .sort((a, b) => b.count - a.count)
      .slice(0, n)
      .map(({ key }) => key)
  }

  #halve(): void {
    for (const [name, entry] of this.#counts) {
      entry.count = Math.floor(entry.count / 2)
      if (entry.count === 0) this.#counts.delete(name)
    }
  }
}
