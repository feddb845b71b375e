/** Loaders over prompts that are there already. One over a folder is the caller's: evidence reads no files. */
import { filedText } from './header.ts'
import type { PromptLoader } from './library.ts'
import type { WrittenPrompt } from './prompt.ts'

/** A loader of `prompts`, by type and id; of several versions, the last is what is had without one. */
export function loaderOf(prompts: readonly WrittenPrompt[]): PromptLoader {
  return async ({ id, type, version }) => {
    const found = prompts.findLast(
      prompt => prompt.id === id && prompt.type === type && (version ?? prompt.version) === prompt.version,
    )
    return found === undefined ? undefined : filedText(found)
  }
}
