/** Which models a request asks, and what stands in where one of them can't be found. */
import { free, type VariantRef } from '../core/call.ts'
import { type ErrorRecord, errorRecord } from '../core/errors.ts'
import type { EnhancerParts } from './parts.ts'
import type { ModelChoice, RecipeSettings } from './recipe.ts'
import { meansNoWorker } from './state.ts'
import { promptsFrom } from './written/prompts.ts'

/** Stands where no encoder is asked, or none can be found. */
const noEncoder: VariantRef = {
  name: 'none',
  op: 'embed',
  model: 'none',
  revision: '',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 0, dimensions: 0 },
}

type Parts = Pick<EnhancerParts, 'encoder' | 'generator' | 'judges' | 'prompts'>

/**
 * The models that will be asked; where words may stand in, also the reason why there are none.
 * @throws whatever keeps a model from being found, where nothing may stand in for it.
 */
export async function chooseModels(parts: Parts, settings: RecipeSettings): Promise<ModelChoice> {
  const [readers, writer] = await Promise.all([chooseReaders(parts, settings), chooseWriter(parts, settings)])
  return { ...readers, ...writer }
}

async function chooseReaders(
  { encoder, judges }: Parts,
  settings: RecipeSettings,
): Promise<Pick<ModelChoice, 'encoder' | 'judges' | 'failure'>> {
  const byWords = async () => ({ encoder: noEncoder, judges: await judges(undefined) })
  if (!settings.useEmbeddings) return byWords()
  try {
    const found = await encoder()
    return { encoder: found, judges: await judges(found) }
  } catch (error) {
    return { ...(await byWords()), failure: excused(error, settings) }
  }
}

async function chooseWriter(
  { generator, prompts }: Parts,
  settings: RecipeSettings,
): Promise<Pick<ModelChoice, 'generator' | 'prompts' | 'generatorFailure'>> {
  if (settings.writing === undefined) return {}
  try {
    const [variant, asked] = await Promise.all([generator(), promptsFrom(prompts)])
    return { generator: variant, prompts: asked }
  } catch (error) {
    return { generatorFailure: excused(error, settings) }
  }
}

/** The record of an error that words may make up for. @throws any other. */
function excused(error: unknown, { fallback }: RecipeSettings): ErrorRecord {
  if (fallback === 'error' || !meansNoWorker(error)) throw error
  return errorRecord(error)
}
