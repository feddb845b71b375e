/**
 * Keeps prompts that are loaded from elsewhere (a folder, a store, the built-in ones): cut up once, bounded in
 * number and bytes, the one used longest ago going first, each loaded once however many ask at the same time.
 *
 * Not here: where texts come from. A loader is handed a checked name and nothing else; see `checkName`. Seed 001's
 * TemplateManager, with its defaults and figures; what it got wrong is put right (`seed-semantics` 2B.2).
 */
import { Cache } from '../../core/cache.ts'
import { InputError } from '../../core/errors.ts'
import { readFiled } from './header.ts'
import { ObservedUse } from './observed-use.ts'
import {
  checkName,
  nameText,
  type Parameters,
  type Prompt,
  type PromptName,
  promptOver,
  standardType,
} from './prompt.ts'
import { RecentTimes, type TimeFigures } from './recent-times.ts'
import { compile, type Template } from './template.ts'

/** Which prompt is wanted. Without a version: the one that the loader has, kept apart from those asked for by one. */
export type PromptReference = {
  readonly id: string
  /** @default 'prompt' */
  readonly type?: string
  readonly version?: string
}

/** A reference with all that a loader can go by; its parts are safe as names of files. */
export type LoaderRequest = Required<Pick<PromptReference, 'id' | 'type'>> & {
  readonly version: string | undefined
}

/** Gives the text of a prompt with its header (header.ts), or undefined where there is none. */
export type PromptLoader = (wanted: LoaderRequest, signal: AbortSignal) => Promise<string | undefined>

/** Bounds of a library. */
export type LibraryOptions = {
  /** Prompts kept at most. @default 100 */
  readonly maxPrompts?: number
  /**
   * Bytes of their texts kept at most, in UTF-8 with their headers. A prompt that is larger by itself is used and
   * not kept, and puts no other out. @default 104_857_600
   */
  readonly maxBytes?: number
  /** Milliseconds from anywhere, for the figures. @default performance.now */
  readonly clock?: () => number
}

/** What a library holds, how often that helped, and how long it took. */
export type LibraryFigures = {
  readonly prompts: number
  readonly maxPrompts: number
  readonly bytes: number
  readonly maxBytes: number
  readonly hits: number
  readonly misses: number
  /** Misses that waited for another's load. */
  readonly joined: number
  /** Prompts that had to go for others. */
  readonly evictions: number
  /** Loads of a prompt that was too large to be kept. */
  readonly oversize: number
  /** Loads that failed. */
  readonly failures: number
  /** Hits of all calls, 0 to 1; 0 while there were none. */
  readonly hitRate: number
  /** Of finding a kept prompt. */
  readonly lookup: TimeFigures
  /** Of loading one and cutting it up. */
  readonly load: TimeFigures
  readonly render: TimeFigures
}

const defaults = { maxPrompts: 100, maxBytes: 100 * 1024 * 1024 }
/** Prompts that are preloaded by observed use, unless the caller says otherwise. */
const preloadTop = 20
/** Names that are counted side by side, for each prompt that can be kept. */
const countedForEach = 10

type Kept = PromptName & {
  readonly template: Template
  readonly parameters: Parameters
  readonly text: string
  readonly bytes: number
}

/** Prompts by type, id and version, loaded when they are first asked for. */
export class PromptLibrary {
  readonly #load: PromptLoader
  readonly #cache: Cache<Kept>
  readonly #used: ObservedUse<PromptReference>
  readonly #limits: typeof defaults
  readonly #clock: () => number
  readonly #times = { lookup: new RecentTimes(), load: new RecentTimes(), render: new RecentTimes() }
  #oversize = 0
  #failures = 0

  constructor(load: PromptLoader, options: LibraryOptions = {}) {
    const { maxPrompts = defaults.maxPrompts, maxBytes = defaults.maxBytes } = options
    const { clock = () => performance.now() } = options
    for (const [what, limit] of Object.entries({ maxPrompts, maxBytes })) {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw new InputError('ER_CONFIG', `A library's ${what} can't be ${limit}: a whole number from 1`)
    }
    this.#load = load
    this.#limits = { maxPrompts, maxBytes }
    this.#clock = clock
    this.#cache = new Cache({ maxEntries: maxPrompts, maxBytes, sizeOf: ({ bytes }) => bytes })
    this.#used = new ObservedUse(maxPrompts * countedForEach)
  }

  /**
   * A prompt, loaded where it is not kept. With `parameters` it takes these, and its places must be theirs; without,
   * what its header names.
   * @throws InputError ER_INPUT where there is none of that name or version, or it can't be read. Errors of the
   * loader come as they are. Neither is kept: the next call tries again.
   */
  async get(wanted: PromptReference, options?: { readonly signal?: AbortSignal }): Promise<Prompt>
  async get<Shape extends Parameters>(
    wanted: PromptReference,
    options: { readonly parameters: Shape; readonly signal?: AbortSignal },
  ): Promise<Prompt<Shape>>
  async get(
    wanted: PromptReference,
    options: { readonly parameters?: Parameters; readonly signal?: AbortSignal } = {},
  ): Promise<Prompt> {
    const { parameters, signal = new AbortController().signal } = options
    const from = this.#clock()
    const key = keyOf(wanted)
    const found = this.#cache.get(key)
    if (found !== undefined) this.#times.lookup.add(this.#clock() - from)
    const kept = found ?? (await this.#loaded(key, wanted, signal))
    this.#used.add(key, wanted)
    return this.#timed({ ...kept, parameters: parameters ?? kept.parameters })
  }

  /**
   * Loads those of `list` that are not kept, side by side, without counting hits or misses.
   * @returns how many of `list` could be had; what fails is counted in `failures` and tried again when asked for.
   */
  async preload(
    list: readonly PromptReference[],
    signal: AbortSignal = new AbortController().signal,
  ): Promise<number> {
    const outcomes = await Promise.allSettled(
      list.map(async wanted => {
        const key = keyOf(wanted)
        if (!this.#cache.has(key)) await this.#loaded(key, wanted, signal)
      }),
    )
    signal.throwIfAborted()
    return outcomes.filter(({ status }) => status === 'fulfilled').length
  }

  /** Preloads the `n` prompts that were asked for most. @returns how many of them could be had. */
  preloadMostUsed(n = preloadTop, signal?: AbortSignal): Promise<number> {
    return this.preload(this.mostUsed(n), signal)
  }

  /** The `n` prompts that were asked for most, most first, whether they are kept or not. */
  mostUsed(n = preloadTop): PromptReference[] {
    return this.#used.top(n)
  }

  /** Whether a prompt is kept; counts as no use of it. */
  has(wanted: PromptReference): boolean {
    return this.#cache.has(keyOf(wanted))
  }

  /**
   * Lets go of a prompt whose text has changed. A load under way is not kept and not joined any more.
   * @returns whether it was kept.
   */
  invalidate(wanted: PromptReference): boolean {
    return this.#cache.delete(keyOf(wanted))
  }

  /** Lets go of all prompts and of the loads under way; the figures go on. */
  clear(): void {
    this.#cache.clear()
  }

  get figures(): LibraryFigures {
    const { entries, bytes, hits, misses, joined, evictions } = this.#cache.figures
    const { lookup, load, render } = this.#times
    return {
      ...this.#limits,
      ...{ prompts: entries, bytes, hits, misses, joined, evictions },
      ...{ oversize: this.#oversize, failures: this.#failures },
      hitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
      ...{ lookup: lookup.figures, load: load.figures, render: render.figures },
    }
  }

  async #loaded(key: string, wanted: PromptReference, signal: AbortSignal): Promise<Kept> {
    const work = (inner: AbortSignal) => this.#read(wanted, inner)
    return (await this.#cache.share(key, signal, work)).value
  }

  async #read({ id, type = standardType, version }: PromptReference, signal: AbortSignal): Promise<Kept> {
    const from = this.#clock()
    try {
      const source = await this.#load({ id, type, version }, signal)
      const what = nameText({ type, id, version: version ?? '?' })
      if (typeof source !== 'string') throw new InputError('ER_INPUT', `There is no ${what}`)
      const filed = readFiled(source, { type, id })
      if (version !== undefined && filed.version !== version)
        throw new InputError('ER_INPUT', `The ${what} can't be had: its header has version ${filed.version}`)
      const bytes = Buffer.byteLength(source)
      const kept = { ...filed, id, type, bytes, template: compile(filed.text, what) }
      // So that a text whose places are wrong fails when it is loaded, not when it is asked for.
      promptOver(kept.template, kept)
      if (bytes > this.#limits.maxBytes) this.#oversize += 1
      this.#times.load.add(this.#clock() - from)
      return kept
    } catch (error) {
      if (!signal.aborted) this.#failures += 1
      throw error
    }
  }

  #timed({ template, ...definition }: Kept): Prompt {
    const prompt = promptOver(template, definition)
    const render: Prompt['render'] = values => {
      const from = this.#clock()
      const text = prompt.render(values)
      this.#times.render.add(this.#clock() - from)
      return text
    }
    return { ...prompt, render }
  }
}

/** Checks a reference and names it; the three parts can't run into each other, for none holds a slash. */
function keyOf({ id, type = standardType, version }: PromptReference): string {
  checkName('id', id)
  checkName('type', type)
  if (version !== undefined) checkName('version', version)
  return `${type}/${id}/${version ?? ''}`
}
