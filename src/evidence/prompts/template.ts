/**
 * The text of a prompt with its places, cut up once: `{{name}}` takes a value, everything else stays as it is.
 * Not here: what values are allowed, and where texts come from.
 *
 * A value is put in as it is and never looked into: one that holds `{{name}}` itself stays text. A text that is to
 * show two opening braces takes them by a value.
 */
import { InputError } from '../../core/errors.ts'

/** What a place can take; numbers and booleans are written as JavaScript writes them. */
export type Value = string | number | boolean

/** A text cut at its places. */
export type Template = {
  /** The names of its places, each once, in the order of the text. */
  readonly names: readonly string[]
  /** Text, name, text, name, …, text. */
  readonly pieces: readonly string[]
}

const place = /\{\{\s*([A-Za-z][A-Za-z0-9]*)\s*\}\}/g

/**
 * Cuts `text` at its places.
 * @param what names the text in errors.
 * @throws InputError ER_INPUT for an opening `{{` that begins no place.
 */
export function compile(text: string, what: string): Template {
  const pieces: string[] = []
  let end = 0
  for (const match of text.matchAll(place)) {
    pieces.push(plain(text, end, match.index, what), match[1] as string)
    end = match.index + match[0].length
  }
  pieces.push(plain(text, end, text.length, what))
  const names = new Set(pieces.filter((_, index) => index % 2 === 1))
  return { names: [...names], pieces }
}

/** The text with a value at each place; `values` has one for every name. */
export function fill({ pieces }: Template, values: Readonly<Record<string, Value>>): string {
  let text = ''
  for (let index = 0; index < pieces.length; index += 1) {
    const piece = pieces[index] as string
    text += index % 2 === 0 ? piece : String(values[piece])
  }
  return text
}

function plain(text: string, start: number, end: number, what: string): string {
  const piece = text.slice(start, end)
  const open = piece.indexOf('{{')
  if (open < 0) return piece
  const shown = JSON.stringify(text.slice(start + open, start + open + 20))
  throw new InputError(
    'ER_INPUT',
    `${what} has ${shown} at ${start + open}, which is no place: a place is {{name}} of letters and digits`,
  )
}
