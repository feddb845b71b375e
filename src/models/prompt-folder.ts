/**
 * Prompts of a folder, each a file `TYPE/ID.txt`, or `TYPE/ID@VERSION.txt` for one version of several. Where the folder
 * has none, there may be one elsewhere.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorOf } from '../core/errors.ts'

/** Names that are safe as names of files. */
export type PromptFile = {
  readonly type: string
  readonly id: string
  readonly version: string | undefined
}

/** The text of a prompt's file in `folder`. @throws InputError ER_CONFIG for a file that can't be read. */
export async function promptIn(folder: string, prompt: PromptFile): Promise<string | undefined> {
  const { id, type, version } = prompt
  const names = version === undefined ? [id] : [`${id}@${version}`, id]
  for (const name of names) {
    const file = join(folder, type, `${name}.txt`)
    try {
      return await readFile(file, 'utf8')
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        throw errorOf('ER_CONFIG', `The prompt ${file} can't be read: ${code ?? String(cause)}`, { cause })
    }
  }
  return undefined
}
