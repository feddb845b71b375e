/** The command line's options as a configuration of the enhancer. Parses; opens nothing but a calibration's file. */
import type { EvidenceEnhancerConfig } from '../evidence/config.ts'
import type { Calibration } from '../evidence/verdict/calibration.ts'
import { type Arguments, amount, text, whole } from './arguments.ts'
import { parseJson, readText } from './input.ts'

/** What the options say of an enhancer; `more` goes before them. */
export function enhancerConfig(given: Arguments, more: EvidenceEnhancerConfig = {}): EvidenceEnhancerConfig {
  const config: Record<string, unknown> = {
    poolSize: given.values['pool-size'] === 'auto' ? 'auto' : whole(given, 'pool-size'),
    embeddingModelPath: text(given, 'model'),
    verifier: text(given, 'verifier'),
    generator: text(given, 'generator'),
    judge: text(given, 'judge'),
    temperature: amount(given, 'temperature'),
    maxTokens: whole(given, 'max-tokens'),
    python: text(given, 'python'),
    requestTimeoutMs: whole(given, 'timeout-ms'),
    maxPassages: whole(given, 'max-passages'),
    fallback: text(given, 'fallback'),
    ...more,
  }
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined),
  ) as EvidenceEnhancerConfig
}

/** How plans are chosen. */
export const strategyOf = (given: Arguments): EvidenceEnhancerConfig => {
  const strategy = text(given, 'strategy')
  return strategy === undefined ? {} : { strategy: strategy as EvidenceEnhancerConfig['strategy'] }
}

/** How verdicts are come to. */
export async function judgingOf(given: Arguments): Promise<EvidenceEnhancerConfig> {
  const file = text(given, 'calibration')
  const threshold = amount(given, 'threshold')
  return {
    ...(threshold === undefined ? {} : { threshold }),
    ...(file === undefined
      ? {}
      : { calibration: file === 'none' ? 'none' : (parseJson(await readText(file), file) as Calibration) }),
  }
}
