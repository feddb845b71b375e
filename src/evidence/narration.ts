/**
 * Tells a caller the text of an analysis as it is being written. Nothing is told twice without saying so: what has
 * been told is taken back by `restarted` before any of it comes again in another form.
 */

/** A piece of an analysis, or word that all pieces so far are void. */
export type TextEvent =
  | { readonly taskId: string; readonly text: string }
  | { readonly taskId: string; readonly restarted: true }

/** Called with pieces as they come, in the path: be quick. What it throws is ignored. */
export type TextListener = (event: TextEvent) => void

export class Narration {
  readonly #taskId: string
  readonly #listener: TextListener
  #told = ''

  constructor(taskId: string, listener: TextListener) {
    this.#taskId = taskId
    this.#listener = listener
  }

  /** Tells what comes next. */
  add(text: string): void {
    if (text === '') return
    this.#told += text
    this.#tell({ taskId: this.#taskId, text })
  }

  /** What was told is void. Says nothing where nothing was told. */
  restart(): void {
    if (this.#told === '') return
    this.#told = ''
    this.#tell({ taskId: this.#taskId, restarted: true })
  }

  /** What the analysis came to in the end: the rest of it, or all of it where it is not what was told. */
  finish(analysis: string): void {
    if (!analysis.startsWith(this.#told)) this.restart()
    this.add(analysis.slice(this.#told.length))
  }

  #tell(event: TextEvent): void {
    try {
      const heard: unknown = this.#listener(event)
      Promise.resolve(heard).catch(() => {})
    } catch {
      // A listener's fault is its own.
    }
  }
}
