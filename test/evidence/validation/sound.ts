/** A sound answer to validate, and ways to change it. */
import type { Citation } from '../../../src/evidence/result.ts'
import type { CheckedFindings, Subject } from '../../../src/evidence/validation/subject.ts'

/** Two sources, one with something to cite. */
export const contents: ReadonlyMap<string, string> = new Map([
  ['a', 'The gate was open. It rained. 😀 smiled.'],
  ['b', 'The gate was shut at noon.'],
])

const supporting: Citation = {
  sourceId: 'a',
  start: 0,
  end: 18,
  text: 'The gate was open.',
  stance: 'supports',
  score: 0.8,
}
const refuting: Citation = {
  sourceId: 'b',
  start: 0,
  end: 26,
  text: 'The gate was shut at noon.',
  stance: 'refutes',
  score: 0.7,
}

/** A supported claim. */
export const supported: CheckedFindings = {
  verdict: 'supported',
  probabilities: { supports: 0.8, refutes: 0.05, disputed: 0.05, neither: 0.1 },
  confidence: 0.8,
  confidenceMethod: 'head',
  calibration: { set: 'built-in', n: 500, ece: 0.03 },
  abstained: false,
  aiAnalysis: 'It is supported: “The gate was open.” (a)',
  citations: [supporting],
  assessments: [
    { sourceId: 'a', relevance: 0.8, probabilities: { supports: 0.7, refutes: 0.1, neither: 0.2 } },
    { sourceId: 'b', relevance: 0 },
  ],
  relatedEvidence: [{ claim: 'The gate was open.', similarity: 0.8, source: 'a' }],
  coverage: { sources: 2, sourcesRead: 2, passages: 3, passagesRead: 3, characters: 66, charactersRead: 60 },
  plan: 'at once',
  fallbackUsed: false,
  errors: [],
  warnings: [],
}

/** A disputed one, with a citation on each side. */
export const disputed: CheckedFindings = {
  ...supported,
  verdict: 'disputed',
  probabilities: { supports: 0.2, refutes: 0.2, disputed: 0.5, neither: 0.1 },
  confidence: 0.5,
  aiAnalysis: 'It is disputed: “The gate was open.” (a), “The gate was shut at noon.” (b)',
  citations: [supporting, refuting],
}

/** One where nothing was probable enough. */
export const abstained: CheckedFindings = {
  ...supported,
  verdict: 'not-enough-evidence',
  probabilities: { supports: 0.45, refutes: 0.1, disputed: 0.1, neither: 0.35 },
  confidence: 0.35,
  abstained: true,
  leaning: 'supported',
}

/** One by words alone, since no worker was there. */
export const fallback: CheckedFindings = {
  ...supported,
  verdict: 'not-enough-evidence',
  probabilities: { supports: 0.2, refutes: 0.2, disputed: 0.1, neither: 0.5 },
  confidence: 0.3,
  confidenceMethod: 'lexical',
  calibration: 'uncalibrated',
  citations: [{ ...supporting, stance: 'neutral' }],
  fallbackUsed: true,
  errors: [{ code: 'ER_NO_WORKER', message: 'no worker' }],
}

/** `findings` about the gate, with what a test changes. */
export const subjectOf = (findings: CheckedFindings, change: Partial<CheckedFindings> = {}): Subject => {
  return { claim: 'The gate was open.', contents, findings: { ...findings, ...change } }
}
