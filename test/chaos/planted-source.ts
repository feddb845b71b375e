/**
 * A copy of the sources with one fault planted in it, to show that the chaos matrix would see it. A plant is a
 * few replacements of text; where one no longer applies, the copy is refused rather than taken for planted.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../support/import-graph.ts'

/** A change of one file, from the root of the repository. */
export type Edit = { readonly file: string; readonly from: string; readonly to: string }

/** Faults that the matrix must see, and the cell that does. */
export const plants: readonly {
  readonly name: string
  readonly cell: string
  /** What the cell must complain of. */
  readonly shows: RegExp
  readonly edits: readonly Edit[]
}[] = [
  {
    // Ids are unique in the pool, and a batch is known by its worker: each alone would still tell.
    name: 'generation check off',
    cell: 'duplicate id:one in flight',
    shows: /got somebody else's answer/,
    edits: [
      {
        file: 'src/pool/lanes.ts',
        from: 'answered({ batch, calls }: ResultsMessage): void {',
        to: 'answered(message: ResultsMessage): void { const { calls } = message; const batch = (message.batch = [...this.#running.keys()][0] ?? message.batch)',
      },
      {
        file: 'src/pool/flights.ts',
        from: '() => ++this.#sliceIds',
        to: '(() => { let id = 0; return () => ++id })()',
      },
    ],
  },
  {
    name: 're-queue off',
    cell: 'SIGKILL:one in flight',
    shows: /settled 0 times/,
    edits: [{ file: 'src/pool/pool.ts', from: 'this.#queue.again(again.', to: 'void (again.' }],
  },
  {
    name: 'SIGKILL off',
    cell: 'SIGSTOP:one in flight',
    shows: /process \d+ survived/,
    edits: [{ file: 'src/pool/worker.ts', from: "this.#process.kill('SIGKILL')", to: '' }],
  },
]

/** A copy of what the matrix needs to run, with the edits made. */
export class PlantedSource {
  readonly path = mkdtempSync(join(tmpdir(), 'evidence-runner-planted-'))

  /** @throws Error where an edit does not apply. */
  constructor(edits: readonly Edit[]) {
    for (const part of ['src', 'test/support', 'test/chaos', 'package.json'])
      cpSync(join(repository, part), join(this.path, part), { recursive: true })
    for (const part of ['node_modules', 'python']) symlinkSync(join(repository, part), join(this.path, part))
    for (const { file, from, to } of edits) {
      const text = readFileSync(join(this.path, file), 'utf8')
      if (text.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
      writeFileSync(
        join(this.path, file),
        text.replace(from, () => to),
      )
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
