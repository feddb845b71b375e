/** What of a request's sources can be read: text, told from bytes that are none, with an id and a hash each. */
import { type ErrorRecord, errorOf } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { type ParsedSource, sourceId, sourceTypes } from './request.ts'

/** A source as the recipe reads it. */
export type Readable = {
  readonly id: string
  readonly type: string
  /** What it is called: its title, else its path. */
  readonly title: string | undefined
  readonly content: string
  readonly hash: string
  readonly binary: boolean
}

/**
 * The sources of a request, in order. Each that is not text is noted in `errors`.
 * @throws InputError ER_INPUT when none is text.
 */
export function readSources(sources: readonly ParsedSource[], errors: ErrorRecord[]): Readable[] {
  const readable = sources.map((source, index) => {
    const { content, path, title = path, type } = source
    const id = sourceId(source, index)
    return { id, type, title, content, hash: sha256(content), binary: looksBinary(content) }
  })
  for (const { id } of readable.filter(source => source.binary)) {
    errors.push({ code: 'ER_INPUT', message: `Source ${id} is not text and was not read; send its text` })
  }
  if (readable.every(source => source.binary)) {
    throw errorOf(
      'ER_INPUT',
      'Invalid request: no source is text; extract the text first (of a PDF or an image, say)',
    )
  }
  return readable
}

/** More than one character in twenty that no text has: controls, or what is left of undecodable bytes. */
export function looksBinary(content: string): boolean {
  const sample = content.length > 65_536 ? content.slice(0, 65_536) : content
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const odd = sample.match(/[\u0000-\u0008\u000e-\u001a\u001c-\u001f\ufffd]/g)?.length ?? 0
  return odd > sample.length / 20
}

/** A sentence for each source type that has no meaning here. */
export function oddTypes(sources: readonly ParsedSource[]): string[] {
  const known: readonly string[] = sourceTypes
  const odd = new Set(sources.map(source => source.type).filter(type => !known.includes(type)))
  return [...odd].map(
    type => `Source type ${JSON.stringify(type)} is not known (there are ${known.join(', ')}); read as text`,
  )
}
