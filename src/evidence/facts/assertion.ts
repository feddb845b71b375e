/** Takes a claim apart into what it asserts, each with the rule that finds candidates for it. */
import { boundCandidates, boundIn } from './bound-rule.ts'
import type { Assertion, Candidate } from './candidate.ts'
import { moveCandidates, moveOf } from './change-rule.ts'
import { comparingCandidates, comparingIn } from './compare-rule.ts'
import { claimedCutoff, cutoffCandidates } from './cutoff-rule.ts'
import { durationCandidates } from './duration-rule.ts'
import { figureCandidates } from './figure-rule.ts'
import { headingCandidates } from './heading-rule.ts'
import { lineCountCandidates } from './line-count-rule.ts'
import { listCandidates } from './list-rule.ts'
import { needOf } from './need.ts'
import type { Scene } from './scene.ts'
import { isOfAll, shareCandidates } from './share-rule.ts'
import { type Figure, readStatement, type Statement } from './statement.ts'
import { superlativeCandidates, superlativeIn } from './superlative-rule.ts'
import { orderCandidates, orderIn, timeCandidates } from './time-rule.ts'
import { totalCandidates } from './total-rule.ts'
import { versionCandidates, versionIn } from './version-rule.ts'

/** An assertion and where a source may state it. */
export type Ruled = {
  readonly assertion: Assertion
  readonly candidates: (scene: Scene) => Candidate[]
  /** Its two sides may stand in two sources. */
  readonly joins?: boolean
}

/** What `claim` asserts; empty where nothing of it can be compared. */
export function assertionsOf(claim: string): Ruled[] {
  const statement = readStatement(claim.trim())
  const { whens } = statement
  const figures = statement.figures.filter(figure => isMeasured(figure, statement))
  const plain = (claimed: string): Assertion => ({
    statement,
    need: needOf(statement, undefined, whens),
    claimed,
  })
  const move = figures.every(({ quantity }) => quantity.dimension === 'version')
    ? moveOf(statement)
    : undefined
  if (move !== undefined)
    return [{ assertion: plain('the change'), candidates: scene => moveCandidates(move, scene) }]
  const order =
    whens.length === 0 && figures.every(({ quantity }) => quantity.dimension === 'version')
      ? orderIn(claim)
      : undefined
  if (order !== undefined)
    return [
      { assertion: plain('the order'), joins: true, candidates: scene => orderCandidates(order, scene) },
    ]
  const cutoff = claimedCutoff(statement)
  if (cutoff !== undefined)
    return [
      {
        assertion: withoutEvents(withoutVersions(plain('the first or last version'))),
        candidates: scene => cutoffCandidates(cutoff, scene),
      },
    ]
  const version = figures.every(figure => figure.quantity.dimension === 'version')
    ? versionIn(statement)
    : undefined
  if (version !== undefined) {
    const [figure] = figures
    const exact = {
      statement,
      need: needOf(statement, figure, whens),
      claimed: 'the version',
      ...(figure === undefined ? {} : { figure }),
    }
    const assertion = withoutVersions(exact)
    return [
      {
        assertion,
        candidates: scene => [
          ...versionCandidates(version, scene),
          ...(figure === undefined ? [] : headingCandidates(figure, statement, scene)),
          ...figureCandidates(exact, scene).filter(
            ({ stance }) => stance === 'supports' || isOnly(statement),
          ),
        ],
      },
    ]
  }
  const superlative = superlativeIn(statement)
  if (superlative !== undefined)
    return [
      {
        assertion: plain('the comparison of all'),
        candidates: scene => superlativeCandidates(superlative, statement, scene),
      },
    ]
  if (figures.length > 0) {
    return figures.map(figure => {
      const assertion = {
        statement,
        figure,
        need: needOf(statement, figure, whens),
        claimed: written(figure),
      }
      return {
        assertion,
        candidates: scene => [
          ...figureCandidates(assertion, scene),
          ...durationCandidates(figure, statement, scene),
          ...listCandidates(figure, scene),
          ...lineCountCandidates(figure, statement, scene),
          ...totalCandidates(figure, statement, scene),
          ...headingCandidates(figure, statement, scene),
        ],
      }
    })
  }
  const bound = boundIn(statement)
  if (bound === undefined && isOfAll(statement))
    return [{ assertion: plain('all'), candidates: shareCandidates }]
  if (bound !== undefined)
    return [
      { assertion: plain('the bound'), joins: true, candidates: scene => boundCandidates(bound, scene) },
    ]
  const comparing = comparingIn(statement)
  if (comparing !== undefined)
    return [
      {
        assertion: plain('the comparison'),
        joins: true,
        candidates: scene => comparingCandidates(comparing, scene),
      },
    ]
  if (whens.length === 1) {
    const [when] = whens
    if (when !== undefined) {
      const assertion = {
        ...plain(`the claimed ${claim.trim().slice(when.start, when.end)}`),
        need: needOf(statement, undefined, []),
      }
      return [{ assertion, candidates: scene => timeCandidates(when, statement, scene) }]
    }
  }
  return []
}

/** What is said of versions names no users, and the version itself need not be met. */
function withoutVersions(assertion: Assertion): Assertion {
  const terms = assertion.need.terms.filter(
    ({ text, key }) => !/^v?\d[\d.]*$|^[Vv]ersion \S+$|^[Rr]elease \S+$/.test(text) && !running.has(key),
  )
  return { ...assertion, need: { ...assertion.need, terms } }
}

/** On which side of a version something holds is told by the rule. */
function withoutEvents(assertion: Assertion): Assertion {
  const terms = assertion.need.terms.filter(({ sort }) => sort !== 'event')
  return { ...assertion, need: { ...assertion.need, terms } }
}

const running = new Set(['customer', 'user', 'installation', 'instal', 'anyon', 'everyon', 'older', 'newer'])

/** A thing runs one version only; it may work with several. */
const isOnly = ({ text }: Statement): boolean =>
  /\b(?:runs?|running|is (?:on|at)|are (?:on|at)|uses?|installed|pinned|upgraded|updated|moved|current|latest|version (?:is|was)|(?:removed|introduced|added|deprecated|fixed|dropped) in)\b/i.test(
    text,
  ) && !/\b(?:can|with|supports?|compatible|under)\b/i.test(text)

/** Versions name what other figures or a time are said of; "no" beside a limit is part of the comparison. */
function isMeasured(figure: Figure, { figures, whens, text: claim }: Statement): boolean {
  const { dimension, text } = figure.quantity
  // "Release 12 was rolled back" tells of the release.
  if (
    dimension === 'version' &&
    /^(?:the )?$/i.test(claim.slice(0, figure.start)) &&
    /^ (?:was|is|has|had|did|got)\b/.test(claim.slice(figure.end))
  )
    return false
  if (dimension === 'version')
    return whens.length === 0 && figures.every(each => each.quantity.dimension === 'version')
  if (/^(?:no|not|without)\b/i.test(text))
    return !figures.some(each => each !== figure && each.quantity.value !== 0)
  // "Three times as many" is a factor, no count.
  if (
    /^(?: times|-?fold|x) (?:as|more|higher|larger|bigger|the|its|their|our|what)\b/.test(
      claim.slice(figure.end),
    )
  )
    return false
  return !(/^one$/i.test(text) && figures.some(each => each !== figure))
}

const words: Readonly<Record<string, string>> = {
  ...{ exact: '', plain: '', 'at-most': 'at most', 'at-least': 'at least', max: 'maximum', min: 'minimum' },
}

const written = ({ statistic, comparison, quantity }: Figure): string => {
  const stated = [statistic, comparison].map(word => words[word] ?? word)
  return `the claimed ${[...stated, quantity.text].filter(word => word !== '').join(' ')}`
}
