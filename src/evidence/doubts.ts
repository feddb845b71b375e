/**
 * Reasons not to believe a decision by figures, whoever made it: what it was decided by speaks of other months, asks
 * for a version instead of having it, is still under way, or counts years where the claim does and it does not.
 * Each was seen to turn a verdict wrong; silence costs less than that.
 */
import type { Decision } from './facts/fact.ts'

const months =
  /\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b/gi

/** Months by their first three letters; "may" only where it is written as a name. */
const monthsIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(months)]
      .filter(([word]) => !/^(?:may|mar|dec|jun|jan|oct|sep|nov)$/.test(word))
      .map(([word]) => word.slice(0, 3).toLowerCase()),
  )

const bound = />=|<=|~=|\^\d|≥|≤|\bor (?:newer|later|above|higher)\b|\bat least\b/
const bounding =
  /\b(?:at least|at most|or (?:newer|later|above|higher)|requires?|needs?|allows?|accepts?|supports?|works? with|minimum|up to|under|over|than|from|since|until)\b/i
const version = /\d+\.\d+/

const underWay = /\b(?:is|are|'re|am|was|were|being) (?:\p{Ll}+ly |still |now )?\p{Ll}{2,}ing\b/iu
const progressive = /\b(?:is|are|was|were|been|being|still) (?:\p{Ll}+ly )?\p{Ll}{2,}ing\b/iu
/** Words in -ing that are no action under way. */
const standing = /\b(?:is|are|was|were) (?:missing|pending|running|outstanding|working|waiting|remaining)\b/i

/** Of what is wanted, not of what is. */
const wanted =
  /\b(?:plan(?:s|ned|ning)?|targets?|goals?|objectives?|slos?|budget(?:s|ed)?|forecasts?|propos(?:al|es|ed)|scheduled?|expect(?:s|ed)?|estimate[sd]?|drafts?|roadmap|intend(?:s|ed)?|will|would|should|shall|aim(?:s|ed)?|tbd|to be|if approved|promised?|asked for|requested)\b/i

const spans = /\b(?:years?|months?)\b/i

/** What `decision` on `claim` comes to where it is doubted: silence, with the reason. */
export function doubted(claim: string, decision: Decision): Decision {
  const reason = decision.verdict === 'silent' ? undefined : doubtOf(claim, decision)
  return reason === undefined ? decision : { verdict: 'silent', spans: [], compared: [], reason }
}

function doubtOf(claim: string, { spans: places }: Decision): string | undefined {
  const text = places.map(place => place.text).join('\n')
  const [named, there] = [monthsIn(claim), monthsIn(text)]
  if (there.size > 0 && [...named].some(month => !there.has(month))) return 'it speaks of other months'
  if (wanted.test(text) && !wanted.test(claim)) return 'it says what is wanted, not what is'
  if (version.test(claim) && bound.test(text) && !bounding.test(claim))
    return 'it asks for a version and does not say which one there is'
  if (underWay.test(text) && !standing.test(text) && !progressive.test(claim)) return 'it is still under way'
  if (spans.test(claim) && !spans.test(text) && !/\d{4}|\bdays?\b/.test(text))
    return 'it counts no years or months'
  return undefined
}
