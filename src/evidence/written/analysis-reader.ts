/**
 * Reads the JSON of an analysis as it is being written and gives its prose so far: what stands in `says` and
 * `conclusion`, with marks and line breaks as `proseOf` puts them. Wherever the deltas are cut, the text is the same
 * in the end; what has been given is never taken back.
 *
 * Not a check: text that is no such JSON gives what can be made of it, and nothing once it breaks JSON's rules.
 */
import { markFor, unseen } from './prose.ts'

/** Where the reader is between two characters. */
type Place =
  | { readonly in: 'between' }
  | { readonly in: 'number'; digits: string }
  | { readonly in: 'word' }
  | {
      readonly in: 'string'
      /** What the string so far is, without what is shown already; a key is kept whole. */
      text: string
      readonly shown: boolean
      /** After a backslash: what follows it so far. */
      escape: string | undefined
    }

type Holder = { readonly kind: 'object' | 'array'; key: string; expectsKey: boolean }

const shownKeys = ['says', 'conclusion']
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}
/** Deeper than any analysis; more is no analysis. */
const deepest = 20

export class AnalysisReader {
  #place: Place = { in: 'between' }
  #holders: Holder[] = []
  #broken = false
  #text = ''
  #fresh = ''
  /** The line that is being written: a point's text or the conclusion. */
  #line = ''
  #gap = false
  #half = ''
  #passage: number | undefined

  /** The prose so far. */
  get text(): string {
    return this.#text
  }

  /** Takes the next piece of the JSON. @returns the prose that it adds. */
  read(delta: string): string {
    this.#fresh = ''
    for (let index = 0; index < delta.length && !this.#broken; index += 1) this.#take(delta.charAt(index))
    this.#text += this.#fresh
    return this.#fresh
  }

  /** Begins anew, as if nothing had been read. */
  restart(): void {
    this.#place = { in: 'between' }
    this.#holders = []
    this.#broken = false
    this.#text = ''
    this.#fresh = ''
    this.#endLine()
    this.#passage = undefined
  }

  #take(unit: string): void {
    const place = this.#place
    if (place.in === 'string') this.#takeInString(place, unit)
    else if (place.in === 'number' && /[-+.eE\d]/.test(unit)) place.digits += unit
    else if (place.in === 'word' && /[a-z]/.test(unit)) return
    else {
      if (place.in === 'number') this.#noteNumber(place.digits)
      this.#place = { in: 'between' }
      this.#takeBetween(unit)
    }
  }

  #takeBetween(unit: string): void {
    const holder = this.#holders.at(-1)
    if (unit === '{' || unit === '[') {
      this.#holders.push({ kind: unit === '{' ? 'object' : 'array', key: '', expectsKey: unit === '{' })
      if (this.#holders.length > deepest) this.#broken = true
    } else if (unit === '}' || unit === ']') {
      const closed = this.#holders.pop()
      if (closed?.kind !== (unit === '}' ? 'object' : 'array')) this.#broken = true
      else if (unit === '}' && this.#line !== '') this.#closePoint()
      this.#passage = undefined
    } else if (unit === ',') {
      if (holder?.kind === 'object') holder.expectsKey = true
    } else if (unit === '"') {
      const shown = holder?.kind === 'object' && !holder.expectsKey && shownKeys.includes(holder.key)
      if (shown) this.#endLine()
      this.#place = { in: 'string', text: '', shown, escape: undefined }
    } else if (/[-\d]/.test(unit)) this.#place = { in: 'number', digits: unit }
    else if (/[tfn]/.test(unit)) this.#place = { in: 'word' }
    else if (unit !== ':' && !/[ \t\r\n]/.test(unit)) this.#broken = true
  }

  #takeInString(place: Place & { readonly in: 'string' }, unit: string): void {
    if (place.escape !== undefined) {
      place.escape += unit
      const name = place.escape
      if (name.startsWith('u') && name.length < 5) return
      const code = name.startsWith('u') ? /^u([\da-fA-F]{4})$/.exec(name)?.[1] : undefined
      const read = code === undefined ? escapes[name] : String.fromCharCode(Number.parseInt(code, 16))
      place.escape = undefined
      if (read === undefined) this.#broken = true
      else this.#addToString(place, read)
    } else if (unit === '\\') place.escape = ''
    else if (unit === '"') this.#closeString(place)
    else this.#addToString(place, unit)
  }

  #addToString(place: Place & { readonly in: 'string' }, unit: string): void {
    if (place.shown) this.#show(unit)
    else place.text += unit
  }

  #closeString({ shown, text }: Place & { readonly in: 'string' }): void {
    this.#place = { in: 'between' }
    const holder = this.#holders.at(-1)
    if (shown) {
      // Half of a character that never got its other half.
      if (this.#half !== '') this.#put('\ufffd')
      this.#half = ''
      if (this.#holders.length > 1 && this.#passage !== undefined) this.#closePoint()
    } else if (holder?.kind === 'object' && holder.expectsKey) {
      holder.key = text
      holder.expectsKey = false
    }
  }

  #noteNumber(digits: string): void {
    const holder = this.#holders.at(-1)
    if (holder?.kind === 'object' && holder.key === 'passage') this.#passage = Number(digits)
  }

  /** One unit of a shown text; halves of a character wait for each other. */
  #show(unit: string): void {
    const code = unit.charCodeAt(0)
    const low = code >= 0xdc00 && code <= 0xdfff
    const half = this.#half
    this.#half = ''
    if (half !== '' && low) {
      this.#put(half + unit)
      return
    }
    if (half !== '') this.#put('\ufffd')
    if (code >= 0xd800 && code <= 0xdbff) this.#half = unit
    else this.#put(low ? '\ufffd' : unit)
  }

  #put(character: string): void {
    if (unseen.test(character)) {
      this.#gap = this.#line !== ''
      return
    }
    const before = this.#line !== '' ? '' : this.#text + this.#fresh === '' ? '' : '\n'
    const added = `${before}${this.#gap ? ' ' : ''}${character}`
    this.#gap = false
    this.#line += added.slice(before.length)
    this.#fresh += added
  }

  /** The mark of the point that has been shown, as soon as its passage is known. */
  #closePoint(): void {
    if (this.#passage !== undefined && this.#line !== '') this.#fresh += markFor(this.#line, this.#passage)
    this.#endLine()
  }

  #endLine(): void {
    this.#line = ''
    this.#gap = false
    this.#half = ''
  }
}
