/**
 * How good an answer is that holds together: how clear its verdict is, how near its citations, how much was
 * read, from how many sources. A score to compare answers by, not a probability of being right.
 */
import type { Validator } from './pipeline.ts'
import { type CheckedFindings, probabilityOf } from './subject.ts'

/** How good is good enough. */
export type QualityOptions = {
  /** An answer under it fails. @default 0, which lets every answer pass */
  readonly minimumScore?: number
}

/** The parts of a quality, each 0 to 1. Relevance and diversity say nothing where nothing needs to be cited. */
type Parts = {
  readonly margin: number
  readonly coverage: number
  readonly relevance: number | undefined
  readonly diversity: number | undefined
}

const weights = { margin: 0.4, relevance: 0.25, coverage: 0.2, diversity: 0.15 } as const
/** More cited sources than these make an answer no better. */
const enoughSources = 3

/** Fails with an `error` under the minimum, never otherwise. */
export function quality({ minimumScore = 0 }: QualityOptions = {}): Validator {
  return {
    name: 'quality',
    weight: 1,
    timeoutMs: 5000,
    check: ({ findings }) => {
      const parts = partsOf(findings)
      const score = scoreOf(parts)
      if (score >= minimumScore) return { score, faults: [] }
      const figures = Object.entries(parts).flatMap(([part, value]) =>
        value === undefined ? [] : [`${part} ${value.toFixed(2)}`],
      )
      const message =
        `the quality is ${score.toFixed(2)}, under ${minimumScore} (${figures.join(', ')}); ` +
        `give sources that say more of the claim, read more passages, or ask for less`
      return { score, faults: [{ severity: 'error', message }] }
    },
  }
}

function scoreOf(parts: Parts): number {
  let [sum, weight] = [0, 0]
  for (const part of Object.keys(weights) as (keyof typeof weights)[]) {
    const value = parts[part]
    if (value === undefined) continue
    sum += value * weights[part]
    weight += weights[part]
  }
  return clamp(sum / weight)
}

function partsOf(findings: CheckedFindings): Parts {
  const { abstained, citations, coverage, probabilities, verdict } = findings
  const own = probabilityOf(verdict, probabilities)
  const { disputed, neither, refutes, supports } = probabilities
  const [first = 0, second = 0] = [supports, refutes, disputed, neither].sort((a, b) => b - a)
  const margin = abstained ? 0 : clamp(own - (own === first ? second : first))
  const passages = share(coverage.passagesRead, coverage.passages)
  const parts = { margin, coverage: (share(coverage.sourcesRead, coverage.sources) + passages) / 2 }
  // Who says that there is nothing has nothing to cite.
  if (verdict === 'not-enough-evidence' && citations.length === 0)
    return { ...parts, relevance: undefined, diversity: undefined }
  const cited = new Set(citations.map(({ sourceId }) => sourceId)).size
  const total = citations.reduce((sum, { score }) => sum + score, 0)
  return {
    ...parts,
    relevance: clamp(total / Math.max(1, citations.length)),
    diversity: clamp(cited / Math.min(enoughSources, Math.max(1, coverage.sources))),
  }
}

const share = (part: number, whole: number): number => (whole > 0 ? clamp(part / whole) : 0)

/** Also makes 0 of what is no number: consistency has said so already. */
const clamp = (value: number): number => (value > 0 ? Math.min(1, value) : 0)
