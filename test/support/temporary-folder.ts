/** A folder for one test file, made when it is first needed and removed when the file's tests are done. */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'

/** Registers the removal, so call it at the top of a test file. */
export function temporaryFolder(): {
  readonly path: string
  write(name: string, content: string | Uint8Array): Promise<string>
} {
  const path = mkdtempSync(join(tmpdir(), 'evidence-runner-'))
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    write: async (name, content) => {
      const file = join(path, name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
      return file
    },
  }
}
