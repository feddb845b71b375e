/** Tells the numbers that count or measure from those that only name something, a version or a day. */
import { monthPattern } from './moment.ts'
import { type Token, versionOf } from './quantity.ts'

/** A number with what it measures. */
export type Measured = Token & { readonly kind: 'quantity' }

const naming =
  /\b(?:build|deploy|deployment|job|run|shard|node|ticket|issue|pipeline|step|week|page|line|id|status|code|http|room|floor|rack|queue|worker|batch|order|incident|migration|phase|stage|sprint|pr|change|partition|zone|region|group|team|site|day|comment|chapter|section|no\.|number|level|tier|gate|door|sev|severity|release|iteration|round|kernel|python|java|node|postgres|driver|oven|channel|hall|silo|station|flight|test|protocol|version|wave|replica|branch|plan|unit|lane|bay|camera|lab|class|type|item|edition|draft|port|slot|cabinet|aisle|platform|route|terminal|dock|pump|sensor|turbine|boiler|chiller|robot|reader|printer|server|vm|cell|broker|host|instance|question|appendix|table|figure|priority|quarter|season|train|bus|car|truck|case|option|variant|android|windows|ios|fix|rev|revision|firmware|editor|plugin|client|schema|layer|cluster|pod) #?$|#$/i
const namedRange =
  /\b(?:firmware|version|release|kernel|java|python|node|protocol|editor|driver|android|ios) (?:below|above|before|after|up to|older than|newer than|at least|from|since|and|or|than) $/i
const afterName =
  /^(?:'s|’s)? (?:was|is|were|are|has|had|have|does|did|will|would|can|could|ran|took|reached|failed|stayed|needs|needed|got|gets|went|came|lost|shows|showed|stopped|started|never|only|still|now|alone)\b/i

/** "The old one", "this one" count nothing. */
export const isPronoun = (text: string, { start, quantity }: Measured): boolean =>
  /^one$/i.test(quantity.text) &&
  (pronoun.test(text.slice(Math.max(0, start - 16), start)) ||
    /^one's?[.,;]?$/i.test(text.slice(start).trim()))

/** "On 3, 4 and 6 May": the days before the last one. */
export const isDay = (text: string, { end, quantity }: Measured): boolean =>
  /^\d{1,2}$/.test(quantity.text) && dayList.test(text.slice(end, end + 40))
const dayList = new RegExp(
  String.raw`^(?:, \d{1,2}){0,4},? (?:and|or|&) \d{1,2}(?:st|nd|rd|th)? ${monthPattern}\b`,
)

/** "A second camera" is one more, no time. */
export const isOrdinal = (text: string, { end, quantity }: Measured): boolean =>
  /^a second$/i.test(quantity.text) &&
  /^ (?!(?:of|and|or|per|later|ago|to|in|for|after|before|on|at|with|is|was|each|when|while|as|than|but|from|during|over)\b)\p{Ll}/u.test(
    text.slice(end),
  ) &&
  !/\d (?:\p{L}+ )?$/u.test(text.slice(0, end - quantity.text.length))

const pronoun =
  /\b(?:the|this|that|old|new|other|another|first|second|third|last|large|small|any|each|every|no|which|latter|former|earlier|later|bigger|smaller|better|one|\p{L}+ed) $/iu

/** "Driver 42.7", "chat-bot 3.0" name a version where no unit or counted thing follows. */
export function asVersion(text: string, token: Token): Token {
  if (token.kind !== 'quantity' || token.quantity.dimension !== 'number') return token
  if (!/^\d+\.\d+$/.test(token.quantity.text)) return token
  const before = /([\p{L}][\p{L}\d-]*) $/u.exec(text.slice(Math.max(0, token.start - 30), token.start))?.[1]
  const released =
    /^(?:in|since|of|with|by|from|before|after|until|to)$/i.test(before ?? '') && releaseWords.test(text)
  if (before === undefined || (notNaming.test(before) && !released)) return token
  if (released) return { ...token, quantity: versionOf(token.quantity.text) }
  if (
    /^ \p{Ll}+/u.test(text.slice(token.end)) &&
    !/^ (?:and|or|is|was|were|has|had|on|in|at|to|from|for|with|went|came|the|still|no|does|did|will|fixes|which|that|by|of|since|until|if|as|but|released|shipped|runs|can|needs|only|this|last|yesterday|it|we)\b/.test(
      text.slice(token.end),
    )
  )
    return token
  return { ...token, quantity: versionOf(token.quantity.text) }
}

const releaseWords =
  /\b(?:releases?|versions?|flags?|deprecated|fixed|upgraded?|branch|install(?:ed)?|api|plugins?|drivers?|opens?|opened|saved|written by|changelog|compatible|support(?:s|ed)?)\b/i

const notNaming =
  /^(?:was|were|is|are|at|by|of|to|from|than|about|around|roughly|nearly|over|under|above|below|reached|hit|measured|showed|shows|averaged|rose|fell|grew|dropped|scored|scores|score|factor|and|or|with|for|in|on|only|just|least|most|between|the|a|an|its|per|ratio|load|average|rating|rated|index|value|up|down|stood|stands|equals|reads|read|into|totalled|cost|costs)$/i

/** A number that names something: "Oven 3 was", "build 812". */
export function isName(text: string, token: Token): boolean {
  if (token.kind !== 'quantity' || token.quantity.dimension !== 'number') return false
  if (!/^\d+(?:\.\d+)?$/.test(token.quantity.text)) return false
  const before = text.slice(Math.max(0, token.start - 24), token.start)
  if (
    /\ban? $/i.test(before) &&
    /^\d+$/.test(token.quantity.text) &&
    !/^[ -]\p{L}/u.test(text.slice(token.end))
  )
    return true
  if (naming.test(before) || namedRange.test(before)) return true
  // "Oven 3 was": a number between a noun and its verb.
  const noun = /(?:^|[ (])(\p{L}[\p{L}\d-]*) $/u.exec(before)?.[1]
  return (
    noun !== undefined &&
    !notNaming.test(noun) &&
    !/(?:ed|ly)$/.test(noun) &&
    afterName.test(text.slice(token.end, token.end + 16))
  )
}
