/**
 * What the command line reads: files, standard input, JSON and JSON Lines, each checked as it comes in.
 * Streams; a file of any length needs the memory of a line.
 */
import { createReadStream } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, extname, relative, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { InputError } from '../core/errors.ts'
import { limits } from '../evidence/request.ts'

/** A line of JSON Lines, or why it is none. `line` counts from 1. */
export type JsonLine =
  | { readonly line: number; readonly value: unknown }
  | { readonly line: number; readonly error: InputError }

const cannotRead = (file: string, cause: unknown): InputError => {
  const code = (cause as NodeJS.ErrnoException).code
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'EISDIR'
        ? 'it is a folder'
        : (code ?? String(cause))
  return new InputError('ER_INPUT', `Can't read ${file}: ${why}`, { cause })
}

/** The whole text of a file, or of standard input for `-`. Bytes that are not UTF-8 become U+FFFD. */
export async function readText(file: string): Promise<string> {
  if (file === '-') return text(process.stdin)
  try {
    const { size } = await stat(file)
    if (size > limits.sourceLength * 4) {
      throw new InputError(
        'ER_INPUT',
        `${file} has ${size} bytes; a source may have ${limits.sourceLength} characters`,
      )
    }
    return await readFile(file, 'utf8')
  } catch (error) {
    throw error instanceof InputError ? error : cannotRead(file, error)
  }
}

/** The JSON value in `content`, which came from `file`. */
export function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content.replace(/^\ufeff/, ''))
  } catch (cause) {
    throw new InputError('ER_INPUT', `${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

/** The lines of a JSON Lines file, or of standard input for `-`; blank lines are passed over. */
export async function* readJsonLines(file: string): AsyncGenerator<JsonLine> {
  let line = 0
  for await (const content of linesOf(file)) {
    line += 1
    if (content.trim() === '') continue
    try {
      yield { line, value: parseJson(content, `line ${line}`) }
    } catch (error) {
      yield { line, error: error as InputError }
    }
  }
}

/** Lines as JSON Lines has them: ended by \n alone. U+2028 and its like may stand inside a string. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  input.setEncoding('utf8')
  let open: string[] = []
  try {
    for await (const chunk of input as AsyncIterable<string>) {
      const [first = '', ...more] = chunk.split('\n')
      open.push(first)
      for (const part of more) {
        yield open.join('')
        open = [part]
      }
    }
  } catch (error) {
    throw cannotRead(file, error)
  }
  if (open.join('') !== '') yield open.join('')
}

/** A file given as `--source`, as a source of a context. */
export async function sourceOf(file: string, index: number): Promise<Record<string, unknown>> {
  const content = await readText(file)
  const type = extname(file) === '.log' ? 'log' : 'file'
  return { id: `s${index + 1}`, type, title: file === '-' ? 'standard input' : basename(file), content }
}

/**
 * `context` with the content of sources that only name a `path`, read from under `folder`.
 * Without a folder, or outside it, nothing is read.
 */
export async function withFiles(context: unknown, folder: string | undefined): Promise<unknown> {
  const sources = (context as { sources?: unknown } | null)?.sources
  if (!Array.isArray(sources) || !sources.some(isPathOnly)) return context
  if (folder === undefined) {
    throw new InputError(
      'ER_INPUT',
      'A source names a path and brings no content; allow its folder with --allow-files DIR',
    )
  }
  const filled = await Promise.all(
    sources.map(async source =>
      isPathOnly(source) ? { ...source, content: await readAllowed(source.path, folder) } : source,
    ),
  )
  return { ...(context as object), sources: filled }
}

const isPathOnly = (source: unknown): source is { path: string } => {
  const { path, content } = (source ?? {}) as { path?: unknown; content?: unknown }
  return typeof path === 'string' && content === undefined
}

async function readAllowed(path: string, folder: string): Promise<string> {
  // Links are followed first: what counts is where the file really lies.
  const root = await realpath(folder).catch((cause: unknown) => {
    throw cannotRead(folder, cause)
  })
  const file = await realpath(resolve(root, path)).catch((cause: unknown) => {
    throw cannotRead(path, cause)
  })
  const inside = relative(root, file)
  if (inside.startsWith('..') || resolve(inside) === inside) {
    throw new InputError('ER_INPUT', `${path} lies outside ${folder}, the folder that --allow-files names`)
  }
  return readText(file)
}
