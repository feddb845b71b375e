/** A Node thread that cuts a large source into passages; see src/evidence/passages.ts for what that means. */
import { type PassageTable, tabulate } from '../src/evidence/passages.ts'
import type { Term } from '../src/evidence/terms.ts'

/** Piscina calls it with what `Threads.run` was given. */
export default function run({ content, terms }: { content: string; terms: readonly Term[] }): PassageTable {
  return tabulate(content, terms)
}
