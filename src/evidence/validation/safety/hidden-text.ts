/**
 * Characters that a person doesn't see and a model reads: text in tag characters, bytes in variation
 * selectors, words cut by zero-width characters, bidirectional overrides. What scripts need stays unmarked:
 * joiners in Persian or in emoji, isolates around Hebrew and Arabic, a byte order mark, a flag's tags.
 */
import type { Mark } from './rule.ts'

/** A run of one class of hidden characters, not wider apart than `nearby`. */
type Run = { readonly class: HiddenClass; start: number; end: number; units: number; suspicious: boolean }

type HiddenClass = 'tag' | 'selector' | 'override' | 'embedding' | 'zero-width'

const whats: Readonly<Record<HiddenClass, string>> = {
  tag: 'text in invisible tag characters',
  selector: 'bytes in invisible variation selectors',
  override: 'characters that turn the direction of reading',
  embedding: 'characters that turn the direction of reading',
  'zero-width': 'invisible characters inside words',
}

/** Marks this near to each other are one. */
const nearby = 16
/** So many in a row are no typographer's. */
const longRun = 4
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/
/** How far around a bidirectional control its script is looked for. */
const around = 60

/** Takes the hidden characters of one text in order and gives the marks. */
export class HiddenText {
  readonly #text: string
  readonly #runs: Run[] = []

  constructor(text: string) {
    this.#text = text
  }

  see(unit: number, index: number): void {
    const found = this.#classOf(unit, index)
    if (found === undefined) return
    const last = this.#runs.at(-1)
    const width = found === 'tag' || found === 'selector' ? 2 : 1
    if (last !== undefined && last.class === found && index - last.end <= nearby) {
      last.units = index === last.end ? last.units + 1 : 1
      last.suspicious ||= last.units >= longRun || this.#isSuspicious(found, index)
      last.end = index + width
      return
    }
    this.#runs.push({
      class: found,
      start: index,
      end: index + width,
      units: 1,
      suspicious: this.#isSuspicious(found, index),
    })
  }

  /** What was seen and has no good reason to be there. */
  marks(): Mark[] {
    return this.#runs
      .filter(({ suspicious }) => suspicious)
      .map(run => ({ kind: 'hidden', what: whats[run.class], start: run.start, end: run.end }))
  }

  #classOf(unit: number, index: number): HiddenClass | undefined {
    if (unit === 0x202d || unit === 0x202e) return 'override'
    if ((unit >= 0x202a && unit <= 0x202c) || (unit >= 0x2066 && unit <= 0x2069)) return 'embedding'
    if (unit === 0xfeff && index === 0) return undefined
    if (unit !== 0xdb40) return 'zero-width'
    const low = this.#text.charCodeAt(index + 1)
    if (low >= 0xdc00 && low <= 0xdc7f) return this.#inFlag(index) ? undefined : 'tag'
    return low >= 0xdd00 && low <= 0xddef ? 'selector' : undefined
  }

  #isSuspicious(found: HiddenClass, index: number): boolean {
    if (found === 'tag' || found === 'override') return true
    if (found === 'selector') return false
    if (found === 'embedding')
      return !rightToLeft.test(this.#text.slice(Math.max(0, index - around), index + around))
    return isLatin(this.#visible(index, -1)) && isLatin(this.#visible(index, 1))
  }

  /** The next unit in a direction that is no zero-width character itself. */
  #visible(index: number, step: 1 | -1): number {
    let place = index + step
    while (isZeroWidth(this.#text.charCodeAt(place)) && Math.abs(place - index) <= longRun) place += step
    return this.#text.charCodeAt(place)
  }

  /** Flags of regions are a black flag with tags after it: at most six and an end. */
  #inFlag(index: number): boolean {
    const before = this.#text.slice(Math.max(0, index - longestFlag), index)
    return /\u{1f3f4}(?:\udb40[\udc00-\udc7f]|[\u{e0000}-\u{e007f}])*$/u.test(before)
  }
}

/** A flag and its tags, in UTF-16 units. */
const longestFlag = 16

const isZeroWidth = (unit: number): boolean =>
  (unit >= 0x200b && unit <= 0x200d) || (unit >= 0x2060 && unit <= 0x2064) || unit === 0xfeff

const isLatin = (unit: number): boolean => (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a)
