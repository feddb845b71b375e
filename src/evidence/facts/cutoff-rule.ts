/**
 * Claims that draw a line between versions, against the line that a source draws: needs at least, older than
 * that are refused, up to that are affected. "5.2 or newer works" and "older than 5.2 fails" are one line.
 */
import type { Candidate } from './candidate.ts'
import { compareVersions } from './interval.ts'
import { versionOf } from './quantity.ts'
import type { Scene } from './scene.ts'
import type { Statement } from './statement.ts'
import { unitOf } from './unit.ts'

/** The version at the line, and which it is: the first or last one, of which something good or bad is said. */
export type Cutoff = {
  readonly version: readonly number[]
  readonly line: `${'first' | 'last'} ${'good' | 'bad'}`
  readonly text: string
}

const kinds = `(?:versions?|releases?|firmware|drivers?|kernels?|node|java|python|android|ios|php|ruby|go|postgres(?:ql)?|protocol|agents?|clients?|editor|plugin)`
const figure = `v?\\d{1,3}(?:\\.\\d{1,4}){0,3}(?![\\d.]*\\d)`
const lead = `(?:(?:${kinds}) )?(?<version>${figure})`
const patterns: readonly (readonly [RegExp, 'from' | 'below' | 'until'])[] = [
  [
    new RegExp(
      `\\b(?:older|earlier|lower) than ${lead}|\\b(?:below|before|prior to) ${lead.replace('version', 'other')}`,
      'i',
    ),
    'below',
  ],
  [
    new RegExp(`\\b(?:at least|no older than|minimum(?: of)?|from) ${lead}(?: on(?:wards)?)?\\b`, 'i'),
    'from',
  ],
  [new RegExp(`\\b${lead} (?:or|and) (?:newer|later|higher|above|up)\\b`, 'i'), 'from'],
  [
    new RegExp(
      `\\b(?:lowest|oldest|minimum) (?:supported )?(?:version|release)(?: supported)? is (?:now )?${lead}`,
      'i',
    ),
    'from',
  ],
  [new RegExp(`\\b${lead} (?:or|and) (?:older|earlier|below|lower)\\b`, 'i'), 'until'],
]

const harm =
  /\b(?:affected|vulnerable|exposed|refuses?d?|rejects?|rejected|no longer|not|never|cannot|n't|broken|crash(?:es)?|fails?|unsupported|turned away|blocked|drops?|dropped|lacks?)\b/i
const isVersioned = new RegExp(`\\d\\.\\d|\\b${kinds} \\d`, 'i')

/** The line that a sentence draws; undefined where it draws none, or several. */
export function cutoffIn(text: string): Cutoff | undefined {
  if (!isVersioned.test(text)) return undefined
  const found = patterns.flatMap(([pattern, side]) => {
    const match = pattern.exec(text)
    const version = match?.groups?.['version'] ?? match?.groups?.['other']
    if (match === null || version === undefined) return []
    const next = /^ ?([%\p{L}]+)/u.exec(text.slice(match.index + match[0].length))?.[1] ?? ''
    return next === '%' || unitOf(next) !== undefined ? [] : [{ side, version, text: match[0] }]
  })
  const [only, ...more] = found
  if (only === undefined || more.length > 0) return undefined
  const bad = harm.test(text)
  const line =
    only.side === 'from'
      ? (`first ${bad ? 'bad' : 'good'}` as const)
      : only.side === 'until'
        ? (`last ${bad ? 'bad' : 'good'}` as const)
        : (`first ${bad ? 'good' : 'bad'}` as const)
  return { version: versionOf(only.version).version ?? [], line, text: only.text }
}

/** What is in use is no line. */
const running =
  /\b(?:runs?|running|ran|is (?:on|at)|are (?:on|at)|installed|upgraded|updated|moved|was|were) (?:on |at |to |with )?(?:v?\d|[Vv]ersion|[Rr]elease)/

/** The line that `claim` draws. */
export function claimedCutoff({ text, figures, whens }: Statement): Cutoff | undefined {
  if (
    whens.length > 0 ||
    figures.some(each => each.quantity.dimension !== 'version' && each.quantity.dimension !== 'number')
  )
    return undefined
  if (figures.length > 1 || running.test(text)) return undefined
  return cutoffIn(text)
}

/** What the lines that `scene` draws would say to it. */
export function cutoffCandidates(claim: Cutoff, scene: Scene): Candidate[] {
  return scene.reads.flatMap((read): Candidate[] => {
    const given = cutoffIn(read.text)
    if (given === undefined || given.line !== claim.line || read.unit.struck) return []
    const same = compareVersions(given.version, claim.version) === 0
    return [
      {
        kind: 'compare',
        stance: same ? 'supports' : 'refutes',
        reads: [read],
        part: undefined,
        found: given.text,
      },
    ]
  })
}
