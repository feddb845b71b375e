/** What findings depend on, and how much memory they take: the key and the size of a kept result. */
import { executionKey } from '../core/trace.ts'
import { revisionOf } from './judges.ts'
import { recipeVersion } from './reading.ts'
import type { ModelChoice, RecipeSettings } from './recipe.ts'
import { type EnhanceOptions, type ParsedContext, sourceId } from './request.ts'
import type { Findings } from './result.ts'
import { versionOf } from './written/prompts.ts'

/**
 * Everything that the findings depend on; not the task, which has no part in them, nor a budget: partial ones are not
 * kept. What was retrieved from a collection is there by its content: when the collection changes, the key does. What
 * a vector store relates to the claim is no part of findings, see `relatedPassages`.
 * @param hashes of the content of each source, in order
 */
export function requestKey(
  request: ParsedContext,
  hashes: readonly string[],
  { reproducible = false, strategy, hints }: EnhanceOptions,
  { encoder, generator, judges, prompts }: ModelChoice,
  settings: RecipeSettings,
): string {
  return executionKey({
    node: 'evidence.enhance',
    version: `${recipeVersion} ${encoder.name}@${encoder.revision}+${encoder.weightsHash}`,
    input: [
      request.claim,
      request.sources.map((source, index) => [
        sourceId(source, index),
        source.type,
        source.title ?? source.path ?? '',
        hashes[index] as string,
      ]),
    ],
    config: {
      ...plain(settings),
      judges: judges.identity,
      writer: generator === undefined ? '' : `${revisionOf(generator)} ${versionOf(prompts ?? {})}`,
      reproducible,
      strategy,
      hints,
    },
  })
}

/** About what findings take in memory: their texts, twice a character, and their numbers. */
export function sizeOfFindings(findings: Findings): number {
  const texts = findings.citations.reduce((sum, { text }) => sum + text.length, 0)
  const related = findings.relatedEvidence.reduce((sum, { claim }) => sum + claim.length, 0)
  const numbers = (findings.metadata.embeddingVectors?.length ?? 0) * 8
  return (
    2 * (texts + related + findings.aiAnalysis.length) + numbers + findings.assessments.length * 100 + 8000
  )
}

/** Settings as data: of checks that the caller brought, their names. */
const plain = ({ validation, ...settings }: RecipeSettings) => ({
  ...settings,
  validation: { ...validation, validators: validation.validators.map(({ name }) => name) },
})
