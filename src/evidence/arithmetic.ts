/**
 * What figures say to a claim: the checker of tables, configuration, metrics and logs and the one of prose,
 * each on the sources that it can read. Pure; in a thread where the sources are long.
 */
import { doubted } from './doubts.ts'
import { decide } from './facts/decide.ts'
import type { Compared, DecidingSpan, Decision, FactSource } from './facts/fact.ts'
import { statesFigure } from './facts/states.ts'
import { type FigureCheck, withinReach } from './figure-check.ts'
import { decideRecords } from './records/decide.ts'

/** Both checkers on all sources. */
export function checkFigures(claim: string, sources: readonly FactSource[]): FigureCheck {
  const { read, unread } = withinReach(sources)
  const decision = joined(doubted(claim, decideRecords(claim, read)), doubted(claim, decide(claim, read)))
  return { decision, statesFigure: decision.verdict !== 'silent' || statesFigure(claim), unread }
}

/**
 * One decision of two readers. Where both decide and differ over different sources, the sources disagree; over
 * the same one, one of the readers is wrong, and neither is believed.
 */
function joined(a: Decision, b: Decision): Decision {
  if (a.verdict === 'silent') return b
  if (b.verdict === 'silent') return a
  const spans = distinct([...a.spans, ...b.spans])
  const compared = distinct([...a.compared, ...b.compared])
  if (a.verdict === b.verdict) return { ...a, spans, compared }
  const sourcesOf = ({ spans }: Decision) => new Set(spans.map(({ sourceId }) => sourceId))
  if (sourcesOf(a).isDisjointFrom(sourcesOf(b)))
    return { verdict: 'disputed', spans, compared, reason: 'the sources disagree' }
  return { verdict: 'silent', spans: [], compared: [], reason: 'the figures can be read in two ways' }
}

/** Each thing once, in the order of first appearance. */
function distinct<T extends DecidingSpan | Compared>(things: readonly T[]): T[] {
  return [...new Map(things.map(thing => [JSON.stringify(thing), thing])).values()]
}
