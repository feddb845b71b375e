/** What of the configuration decides over findings, put together once. */
import { generatorOf, type ResolvedConfig } from './config.ts'
import type { RecipeSettings } from './recipe.ts'
import { standardValidators } from './validation/standard.ts'

/** The recipe's part of a configuration. */
export function settingsOf(config: ResolvedConfig): RecipeSettings {
  const { confidenceBoost, maxTokens, temperature, validation } = config
  return {
    maxPassages: config.maxPassages,
    confidenceBoost,
    useEmbeddings: config.enableEmbeddingSearch,
    fallback: config.fallback,
    writing: generatorOf(config) === undefined ? undefined : { maxTokens, temperature },
    validation: {
      ...validation,
      validators: standardValidators({
        consistency: { confidenceBoost },
        custom: validation.validators,
      }),
    },
  }
}
