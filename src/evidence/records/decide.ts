/**
 * Decides a claim by arithmetic over structured sources: tables, configuration, metrics, logs. Each source is read
 * into rows of typed cells, the claim into a question to them; where the rows do not answer it without doubt, the
 * checker is silent. Sources that disagree leave the claim disputed, with the rows of both.
 */
import type { DecidingSpan, Decision, FactSource } from '../facts/fact.ts'
import { readClaim } from './claim.ts'
import { questionsOf } from './question.ts'
import { readBlocks } from './read.ts'
import type { Ruling } from './ruling.ts'

/** Longest claim that is read. */
const longestClaim = 2_000

/** What the rows of `sources` say to `claim`. */
export function decideRecords(claim: string, sources: readonly FactSource[]): Decision {
  if (claim.length > longestClaim) return silent('the claim is too long to be one statement')
  const read = readClaim(claim)

  const seen = new Set<string>()
  const rulings: { readonly source: FactSource; readonly ruling: Ruling }[] = []
  for (const source of sources) {
    const key = `${source.title}\n${source.content}`
    if (seen.has(key)) continue
    seen.add(key)
    const blocks = readBlocks(source, read)
    if (blocks.length === 0) continue
    const ruling = questionsOf(read, blocks)
    if (ruling !== undefined) rulings.push({ source, ruling })
  }
  return conclude(rulings)
}

function conclude(rulings: readonly { readonly source: FactSource; readonly ruling: Ruling }[]): Decision {
  if (rulings.length === 0) return silent('no row states what the claim says')
  const spans = distinct(rulings.flatMap(({ source, ruling }) => spansOf(source, ruling)))
  const compared = rulings
    .map(({ source, ruling }) => ({ sourceId: source.id, claimed: ruling.claimed, found: ruling.found }))
    .toSorted((a, b) => compareText(a.sourceId, b.sourceId) || compareText(a.found, b.found))
  const stances = new Set(rulings.map(({ ruling }) => ruling.stance))
  if (stances.size > 1) return { verdict: 'disputed', spans, compared, reason: 'the sources disagree' }
  const verdict = stances.has('supports') ? 'supports' : 'refutes'
  const reason = rulings.map(({ ruling }) => ruling.reason).toSorted(compareText)
  return { verdict, spans, compared, reason: [...new Set(reason)].join('; ') }
}

function spansOf(source: FactSource, ruling: Ruling): DecidingSpan[] {
  return ruling.places.map(({ start, end }) => ({
    sourceId: source.id,
    start,
    end,
    text: source.content.slice(start, end),
    stance: ruling.stance,
  }))
}

function distinct(spans: readonly DecidingSpan[]): DecidingSpan[] {
  const byPlace = new Map(spans.map(span => [`${span.sourceId}:${span.start}:${span.end}`, span]))
  return [...byPlace.values()].sort((a, b) => compareText(a.sourceId, b.sourceId) || a.start - b.start)
}

const silent = (reason: string): Decision => ({ verdict: 'silent', spans: [], reason, compared: [] })

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
