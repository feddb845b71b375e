/** A small language model for tests, made from a seed: it writes rubbish, and takes every step that a real one takes. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { python } from './echo-pool.ts'
import { repository } from './import-graph.ts'

const script = join(repository, 'test', 'support', 'tiny_language_model.py')

/** Makes the model in `folder`; `options` as the script has them. @returns the folder. */
export async function tinyLanguageModel(folder: string, ...options: string[]): Promise<string> {
  await promisify(execFile)(python, [script, folder, ...options])
  return folder
}
