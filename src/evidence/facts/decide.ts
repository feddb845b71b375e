/**
 * Decides a claim by arithmetic where what sources say in words states the same thing, and stays silent elsewhere.
 *
 *     claim ─ readStatement ─▶ figures, times, order ─┬─ matched, compared ─▶ finding of each source ─▶ verdict
 *     source ─ readScene ─▶ sentences with context ───┘
 *
 * Every part of a claim must be supported for it to be supported; one refuted part refutes it. Sources that
 * disagree dispute it, with the spans of both. Order and repetition of sources change nothing.
 */
import { assertionsOf } from './assertion.ts'
import type { Assertion } from './candidate.ts'
import type { Compared, DecidingSpan, Decision, FactSource } from './fact.ts'
import { filterFor } from './filter.ts'
import { type Finding, findingOf } from './outcome.ts'
import { joinScenes, readScene } from './scene.ts'

/** A claim is a sentence. */
const longestClaim = 1000

/** What the words of `sources` say to `claim`. */
export function decide(claim: string, sources: readonly FactSource[]): Decision {
  const assertions = claim.length > longestClaim ? [] : assertionsOf(claim)
  if (assertions.length === 0) return silent('The claim states nothing that can be compared.')
  const distinct = [
    ...new Map(sources.map(source => [`${source.title}\n${source.content}`, source])).values(),
  ]
  const scenes = distinct.map(source => readScene(source, filterFor(claim, source.content, source.title)))
  const joined = joinScenes(scenes)
  const outcomes = assertions.map(({ assertion, candidates, joins }) => {
    const findings = scenes.flatMap(scene => findingOf(assertion, candidates(scene), scene) ?? [])
    if (findings.length > 0 || joins !== true || joined === undefined) return { assertion, findings }
    return { assertion, findings: [findingOf(assertion, candidates(joined), joined) ?? []].flat() }
  })
  return conclude(outcomes)
}

type Outcome = {
  readonly assertion: Assertion
  readonly findings: readonly Finding[]
}

function conclude(outcomes: readonly Outcome[]): Decision {
  const spans = distinctSpans(outcomes.flatMap(({ findings }) => findings.flatMap(spansOf)))
  const compared = outcomes
    .flatMap(({ assertion: { claimed }, findings }) =>
      findings.map(
        ({ candidate: { found, reads } }): Compared => ({
          sourceId: reads[0]?.source.id ?? '',
          claimed,
          found,
        }),
      ),
    )
    .toSorted((a, b) => compareText(a.sourceId, b.sourceId) || compareText(a.claimed, b.claimed))
  if (!areTogether(outcomes)) return silent('The figures of the claim are not stated together.')
  const stances = outcomes.map(({ findings }) => new Set(findings.map(({ stance }) => stance)))
  if (stances.some(each => each.size > 1))
    return { verdict: 'disputed', spans, reason: 'The sources disagree.', compared }
  if (stances.some(each => each.has('refutes'))) {
    const against = spans.filter(span => span.stance === 'refutes')
    return { verdict: 'refutes', spans: against, reason: reasonOf(compared, 'contradicts'), compared }
  }
  if (stances.every(each => each.has('supports')))
    return { verdict: 'supports', spans, reason: reasonOf(compared, 'agrees with'), compared }
  return silent('No source states the same of the same thing.')
}

/**
 * Where a claim has several figures, one of them may only say under what condition another holds: each source
 * has to speak of all of them, in one sentence or in neighbours, and refute but one.
 */
function areTogether(outcomes: readonly Outcome[]): boolean {
  if (outcomes.length < 2) return true
  const found = outcomes.flatMap(({ findings }) => findings.slice(0, 1))
  if (!found.some(({ stance }) => stance === 'refutes')) return true
  const held = found.filter(({ stance }) => stance === 'supports')
  // "Shop B took 870 orders with a p95 of 0.9 s": one sentence that names the shop gives both otherwise.
  const places = new Set(found.map(({ candidate }) => candidate.reads[0]))
  const given = new Set(found.map(({ candidate }) => candidate.figure))
  // One figure can't be held against two.
  const figures = found.flatMap(({ candidate }) => candidate.figure ?? [])
  if (new Set(figures).size < figures.length) return false
  if (
    found.length === outcomes.length &&
    held.length === 0 &&
    places.size === 1 &&
    given.size === found.length &&
    found.every(isNamed)
  )
    return true
  return held.length >= outcomes.length - 1 && held.length > 0
}

const isNamed = ({ named }: Finding): boolean => named

const reasonOf = (compared: readonly Compared[], verb: string): string =>
  compared.map(({ found, claimed }) => `The source says ${found}, which ${verb} ${claimed}.`).join(' ')

const silent = (reason: string): Decision => ({ verdict: 'silent', spans: [], reason, compared: [] })

function spansOf({ candidate, stance }: Finding): DecidingSpan[] {
  return candidate.reads.map(({ source, unit: { start, end } }) => ({
    sourceId: source.id,
    start,
    end,
    text: source.content.slice(start, end),
    stance,
  }))
}

function distinctSpans(spans: readonly DecidingSpan[]): DecidingSpan[] {
  const byPlace = new Map(
    spans.map(span => [`${span.sourceId}:${span.start}:${span.end}:${span.stance}`, span]),
  )
  return [...byPlace.values()].sort((a, b) => compareText(a.sourceId, b.sourceId) || a.start - b.start)
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
