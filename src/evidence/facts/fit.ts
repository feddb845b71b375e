/**
 * How well a place of a source fits what a claim speaks of: which of the claim's words stand there, which are
 * missing, what else stands there, and whether both are meant alike. Counts only; they are weighed elsewhere.
 */
import type { Candidate } from './candidate.ts'
import { contraryOf, rivalsOf } from './lexicon.ts'
import { marksOf } from './marks.ts'
import { countedOf, inside, isThing, isVerb, type Need } from './need.ts'
import type { Read } from './scene.ts'
import type { Figure, Part, Statement } from './statement.ts'
import { nameKey, type Term } from './term.ts'
import { lies } from './when.ts'

/** How a place fits, by name of what was counted. */
export type Fit = Readonly<Record<FitPart, number>>

/** What is counted. */
export type FitPart =
  | `${'name' | 'plain' | 'verb' | 'object' | 'event'}${'Missing' | 'Around' | 'Near' | 'Own'}`
  | 'cover'
  | 'strangeNames'
  | 'strangeWords'
  | 'strangeThings'
  | 'displaced'
  | 'modified'
  | 'countedSame'
  | 'countedOther'
  | 'planOther'
  | 'exampleOther'
  | 'open'
  | 'boundOther'
  | 'placeOther'
  | 'formerOther'
  | 'rival'
  | 'contrary'
  | 'timeOther'
  | 'timeUntold'
  | 'timeSame'
  | 'otherStatistic'
  | 'elliptic'
  | 'struck'
  | 'equal'
  | 'alone'
  | 'negatedOther'
  | 'zeroOther'
  | 'eventOther'
  | 'verbOther'
  | 'known'
  | 'leadEvent'

const bounds = new Set(['limit', 'target', 'budget', 'threshold', 'timeout'])

/** True where two words stand for the same. */
export function same(a: Term, b: Term): boolean {
  if (a.key === b.key || a.stem === b.stem) return true
  const [left, right] = [nameKey(a.text), nameKey(b.text)]
  if (left === right) return true
  const [short, long] = left.length < right.length ? [left, right] : [right, left]
  if (short.length < 5 || !/^\p{L}+$/u.test(a.text) || !/^\p{L}+$/u.test(b.text)) return false
  // One stem with other endings: "delay" and "delayed", "migration" and "migrating".
  let shared = 0
  while (shared < short.length && short[shared] === long[shared]) shared += 1
  return shared >= 5 && shared >= short.length - 2 && long.length - shared <= 4
}

/** True where words side by side spell the name: "orders db" for "orders-db". */
function spells(term: Term, terms: readonly Term[]): boolean {
  if (!/[-_./]/.test(term.text)) return false
  const key = nameKey(term.text)
  return terms.some((each, index) => {
    const next = terms[index + 1]
    return next !== undefined && nameKey(each.text) + nameKey(next.text) === key
  })
}

const has = (terms: readonly Term[], term: Term): boolean =>
  terms.some(each => same(each, term)) || spells(term, terms)

const kindOf = (term: Term): 'name' | 'plain' | 'verb' | 'object' | 'event' | undefined => {
  if (term.sort === 'soft' || term.sort === 'place') return undefined
  return term.sort === 'plain' && isVerb(term) ? 'verb' : term.sort
}

/** Counts how the candidate's place fits. */
export function fitOf(need: Need, candidate: Candidate): Fit {
  const { reads, part } = candidate
  const read = reads[0] as Read
  const all = reads.flatMap(each => each.terms)
  const own = part === undefined ? all : inside(read.terms, labelled(read, part))
  const counts = new Map<FitPart, number>()
  const add = (name: FitPart, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by)
  let [sum, most, events] = [0, 0, 0]
  for (const term of need.terms) {
    const kind = kindOf(term)
    if (kind === undefined) {
      if (term.sort === 'soft' && isRivalled(term, need, own)) add('rival')
      continue
    }
    const weight = kind === 'name' || kind === 'plain' ? 2 : 1
    const level = levelOf(term, own, all, read)
    if (need.implied.has(term.key) && (level === 'Missing' || level === 'Around')) continue
    if (level === 'Missing' && candidate.turned === true && kind === 'event') continue
    if ((kind === 'event' || kind === 'verb') && events === 0 && level === 'Own') add('leadEvent')
    if (kind === 'event' || kind === 'verb') events += 1
    most += weight
    sum += level === 'Missing' ? 0 : weight
    add(
      kind === 'event' && level === 'Missing' && isSubject(term, need.statement)
        ? 'plainMissing'
        : `${kind}${level}`,
    )
    if (level === 'Own' || level === 'Near') add('known')
    if (level !== 'Own' && candidate.turned !== true && isRivalled(term, need, own))
      add(term.sort === 'event' ? 'contrary' : 'rival')
    const contrary = term.sort === 'event' && level !== 'Own' ? contraryOf(term.key) : undefined
    if (contrary !== undefined && candidate.turned !== true && own.some(each => contrary.has(each.key)))
      add('contrary')
  }
  counts.set('cover', most === 0 ? 0.5 : sum / most)
  countStrangers(need, own, add)
  countMeaning(need, candidate, add)
  countTimes(need, read, part, add)
  return new Proxy({} as Record<FitPart, number>, { get: (_, name) => counts.get(name as FitPart) ?? 0 })
}

/** Both tell of what is required, in words of their own; nothing of it is planned. */
const isRule = (claim: string, text: string): boolean =>
  required.test(claim) &&
  required.test(text) &&
  !marksOf(text.replace(required, ' ').replace(required, ' ')).plan
const required = /\b(?:needs?|requires?|required|must|shall|(?:has|have) to)\b/i

/** "The leak cost 12,000": what happened is itself the thing that the claim is about. */
const isSubject = ({ start, end, text }: Term, statement: Statement): boolean =>
  start < 24 &&
  !statement.terms.some(
    term => term.start === end + 1 && (isThing(term) || (term.sort === 'object' && term.key !== 'cost')),
  ) &&
  !/(?:ed|ing)$/.test(text) &&
  /^(?:[^,]{0,20}\b)?(?:the|a|an|our|this|that|its) $/i.test(statement.text.slice(0, start))

/** "Bruges: 22 tablets" is told of what stands before the colon. */
const labelled = ({ text }: Read, { start, end }: Part): { readonly start: number; readonly end: number } =>
  /^(?!\s*(?:correction|update|edit|note|error|erratum|final|actual)\b)[^:;.,]{1,48}:\s*$/i.test(
    text.slice(0, start),
  )
    ? { start: 0, end }
    : { start, end }

/** A word stands there that can't be said of the same thing as `term`, which does not. */
function isRivalled(term: Term, need: Need, own: readonly Term[]): boolean {
  const rivals = rivalsOf(term.key) ?? rivalsOf(term.stem)
  if (rivals === undefined || has(own, term)) return false
  return own.some(
    each =>
      (rivals.has(each.key) || rivals.has(each.stem)) && !need.all.has(each.key) && !need.all.has(each.stem),
  )
}

function levelOf(
  term: Term,
  own: readonly Term[],
  all: readonly Term[],
  read: Read,
): 'Own' | 'Near' | 'Around' | 'Missing' {
  if (has(own, term)) return 'Own'
  if (has(all, term)) return 'Near'
  // "Camera 4" is not spoken of where a sentence names camera 5.
  if (/^\d+$/.test(term.key) && read.terms.some(each => each.sort === 'name' && /^\d+$/.test(each.key)))
    return 'Missing'
  return read.context.some(terms => has(terms, term)) ? 'Around' : 'Missing'
}

/** "The system runs on 12 servers": the subject is too common a word to tell it from another. */
function isBare({ statement, figure }: Need): boolean {
  const [first] = statement.terms
  if (figure === undefined || first?.sort !== 'soft' || first.start > 8) return false
  if (!/^(?:(?:The|Our|Its|Their) )?$/.test(statement.text.slice(0, first.start)) || !common.test(first.text))
    return false
  return !statement.terms.some(({ sort, end }) => sort !== 'soft' && end <= figure.start)
}
const common =
  /^(?:names?|systems?|services?|applications?|apps?|components?|products?|platforms?|tools?|numbers?|values?|periods?|windows?|levels?|things?|parts?|pieces?|versions?|releases?|reports?|results?|figures?|intervals?|phases?|stages?|rounds?)$/i

// Adjectives that make no other thing of what they stand before.
const ornament =
  /^(?:new|additional|further|extra|other|own|same|single|main|whole|entire|full|big|small|large|good|great|usual|normal|ordinary|certain|real|actual|affected|remaining|respective|overall|various|separate|individual|available|sure|fine|clear|right|busy|quiet|nice|sudden|hard|easy|simple)$/i

/** What stands in the place of what the claim names. */
function countStrangers(need: Need, own: readonly Term[], add: (name: FitPart, by?: number) => void): void {
  const known = (term: Term) =>
    need.all.has(term.key) || need.all.has(term.stem) || has(need.statement.terms, term)
  const strangers = own.filter(
    term => kindOf(term) !== undefined && !known(term) && !ornament.test(term.text),
  )
  add('strangeNames', strangers.filter(term => term.sort === 'name').length)
  add('strangeWords', strangers.filter(term => term.sort === 'plain' && !isVerb(term)).length)
  if (strangers.some(term => term.sort === 'event')) add('eventOther')
  if (strangers.some(term => term.sort === 'plain' && isVerb(term))) add('verbOther')
  add('strangeThings', strangers.filter(term => term.sort === 'object').length)
  const away = need.terms.filter(term => isThing(term) && !has(own, term))
  const others = strangers.some(term => isThing(term) || (term.sort === 'object' && away.length === 0))
  if ((away.length > 0 || isBare(need)) && others) add('displaced')
  // A name right before a matched word makes another thing of it: "the payments gateway".
  const modified = own.some(each => {
    if (kindOf(each) === undefined || each.sort === 'event' || !known(each)) return false
    const before = strangers.find(other => other.end + 1 === each.start)
    return before !== undefined && isThing(before)
  })
  if (modified) add('modified')
}

/** Whether both are facts, plans, limits, examples of the same place. */
function countMeaning(need: Need, candidate: Candidate, add: (name: FitPart, by?: number) => void): void {
  const { reads, part, figure, otherStatistic, elliptic, stance } = candidate
  const read = reads[0] as Read
  const marks = part?.marks ?? read.marks
  const lead = read.parts[0]?.marks ?? read.marks
  const contrast =
    /\b(?:but|however|instead|actually|in fact|turned out|against|missed|in the end|so far)\b/i.test(
      read.text,
    )
  const past = isPast(read, part)
  // "We expect 4.6 in 2026, after 4.1 in 2025".
  const compared =
    part !== undefined &&
    /^\s*(?:after|against|compared (?:with|to)|up from|down from|instead of)\b/i.test(
      read.text.slice(part.start, part.end),
    )
  const plan = marks.plan || (lead.plan && !contrast && !past && !compared) || (read.planned && !past)
  const coming = /\b(?:will|planned|scheduled|expected|next|soon)\b/i.test(read.text)
  const demanding =
    (candidate.kind === 'version' && !coming) ||
    candidate.kind === 'bound' ||
    isRule(need.statement.text, read.text)
  if (plan !== need.plan && !demanding) add('planOther')
  const clause =
    part !== undefined &&
    read.marks.example &&
    /^\s*(?:when|if|once|whenever|as soon)\b/i.test(read.text.slice(part.start, part.end))
  if ((marks.example || clause || (lead.example && !contrast)) !== need.example) add('exampleOther')
  if ((marks.open || /\?["')]*$/.test(read.text)) && !/\bwhether\b/.test(need.statement.text)) add('open')
  if (marks.former && !need.former) add('formerOther')
  const own = part === undefined ? read.terms : inside(read.terms, part)
  if (candidate.kind !== 'bound' && isOtherBound(need, read, own)) add('boundOther')
  // A sentence that names production has left what the one before was about.
  const live = read.terms.some(term => term.stem === 'prod')
  const places = (live ? [read.terms] : [read.terms, ...read.context])
    .flat()
    .filter(term => term.sort === 'place')
  if (places.some(term => !need.all.has(term.key))) add('placeOther')
  else if (need.terms.some(term => term.sort === 'place') && places.length === 0) add('placeOther')
  if (sideOf(need.statement.text) * sideOf(read.text) < 0) add('rival')
  if (
    /\b(?:each|apiece)\b/i.test(need.statement.text) &&
    !/\b(?:each|every|per|apiece|all|any|none|both)\b/i.test(read.text)
  )
    add('otherStatistic')
  if (read.unit.struck) add('struck')
  if (otherStatistic === true) add('otherStatistic')
  if (elliptic === true) add('elliptic')
  if (figure === undefined) {
    if (denies(read.text) !== denies(need.statement.text) && candidate.kind !== 'bound') add('negatedOther')
    return
  }
  if (
    candidate.kind !== 'list' &&
    denies(part === undefined ? read.text : read.text.slice(labelled(read, part).start, part.end)) !==
      denies(need.statement.text)
  )
    add('negatedOther')
  if (need.figure !== undefined && perOf(need.statement, need.figure) !== perOf(read, figure))
    add('otherStatistic')
  if (need.figure !== undefined && isOffset(need.statement, need.figure) !== isOffset(read, figure))
    add('boundOther')
  if (need.figure !== undefined && need.figure.quantity.dimension === 'number') {
    const wanted = countedOf(need.statement, need.figure)
    const given = countedOf(read, figure)
    if (wanted !== undefined && given !== undefined) add(same(wanted, given) ? 'countedSame' : 'countedOther')
    else if (wanted !== undefined && has(own, wanted)) add('countedSame')
  }
  if (
    /^(?:no|not|without)\b/i.test(figure.quantity.text) &&
    need.figure !== undefined &&
    !/^(?:no|not|without|none|zero)\b/i.test(need.figure.quantity.text)
  ) {
    const wanted = countedOf(need.statement, need.figure)
    const given = countedOf(read, figure)
    if (wanted === undefined || given === undefined || !same(wanted, given)) add('zeroOther')
  } else if (isZero(figure) && given0(need, read, figure) !== true) add('zeroOther')
  if (
    need.figure !== undefined &&
    isAll(need.statement, need.figure) &&
    read.figures.some(
      each => each !== figure && each.quantity.dimension === 'number' && each.quantity.value > 0,
    )
  )
    add('rival')
  if (stance === 'supports' && need.figure?.comparison === 'exact') {
    const digits = need.figure.quantity.text.replace(/\D/g, '').replace(/0+$/, '').length
    add('equal', Math.min(3, digits))
  }
  if (read.figures.length === 1) add('alone')
}

const isZero = ({ quantity }: Figure): boolean => quantity.dimension === 'number' && quantity.value === 0

/** What is none of here is what the claim counts. */
function given0(need: Need, read: Read, figure: Figure): boolean | undefined {
  if (need.figure === undefined) return undefined
  const [wanted, given] = [countedOf(need.statement, need.figure), countedOf(read, figure)]
  // "All payments were retried, none was lost".
  if (wanted !== undefined && given === undefined && /^none$/i.test(figure.quantity.text))
    return has(read.terms, wanted)
  return wanted === undefined || given === undefined ? wanted === given : same(wanted, given)
}

/** Denied, apart from comparisons such as "never more than" and counts of none. */
function denies(text: string): boolean {
  const bare = text.replace(
    /\b(?:no|not|never|none|nobody|nothing)(?: \w+){0,4}? (?:more|less|fewer|greater|higher|lower|longer|later|earlier|above|over|below|under|exceed(?:ed|s)?|reach(?:ed)?|past|beyond|than)\b|n['’]t (?:\w+ ){0,2}(?:more|less|exceed|reach)\b|\b(?:not|never) (?:only|yet)\b|\bno(?:t a single| one)? (?=\p{L})|\bnone\b|\bneither\b|\bwithout (?:a |any |a single )/giu,
    ' ',
  )
  return /\b(?:not|never|cannot|without|failed to|no longer|instead of|except|excluding)\b|n[’']t\b/i.test(
    bare,
  )
}

/** "All 14" says that there are no others. */
const isAll = ({ text }: Statement, { start }: Figure): boolean =>
  /\ball (?:the |of the |its )?$/i.test(text.slice(0, start))

/** A limit or a target stands there that the claim does not speak of, or the other way round. */
function isOtherBound(need: Need, read: Read, own: readonly Term[]): boolean {
  const bounded = own.filter(term => bounds.has(term.key))
  if (bounded.length > 0)
    return bounded.some(term => !need.all.has(term.key) && !(term.key === 'limit' && isCapped(need)))
  const around = read.context.some(terms => terms.some(term => bounds.has(term.key)))
  return need.terms.some(term => bounds.has(term.key)) && !around
}

/** "Holds at most 10" is what a limit says. */
const isCapped = ({ figure, statement }: Need): boolean =>
  figure?.comparison === 'at-most' &&
  !/\b(?:was|were|had|did|stayed|never|took|reached|\p{L}+ed)\b/u.test(statement.text)

/** 1 where something is told of after an event, -1 of before, 0 of both or none. */
function sideOf(text: string): number {
  const [before, after] = [
    /\b(?:before|prior to|ahead of)\b/i.test(text),
    /\b(?:after|since|following)\b/i.test(text),
  ]
  return before === after ? 0 : after ? 1 : -1
}

/** "Nine minutes after the switch" is no length of a thing. */
const isOffset = ({ text }: Statement, { end, quantity }: Figure): boolean =>
  quantity.dimension === 'time' &&
  /^ (?:after|before|later|earlier|ago|sooner|late|early|behind|ahead|older|newer)\b/.test(
    text.slice(end, end + 12),
  )

/** "40 a day", "50 MB per hour": in which time; a rate per second is one already. */
function perOf({ text }: Statement, { end, quantity }: Figure): string | undefined {
  if (quantity.dimension.endsWith('rate') || quantity.dimension === 'time') return undefined
  if (
    /^(?:once|twice|thrice)$/i.test(quantity.text) ||
    /^ times\b(?! (?:as|more|less))/.test(text.slice(end, end + 16))
  )
    return 'times'
  return /^(?: \p{L}+){0,2}(?: (?:per|an?|each|every)|\/) ?(?:working )?(second|minute|hour|day|night|week|month|quarter|year)\b/u.exec(
    text.slice(end, end + 48),
  )?.[1]
}

const isPast = (read: Read, part: Part | undefined): boolean => {
  const text = part === undefined ? read.text : read.text.slice(part.start, part.end)
  return (
    /\b(?:was|were|took|had|did|has|have|came|went|rose|fell|\w{3,}ed)\b/.test(text) &&
    !/\b(?:was|were|is|are) (?:to be|planned|expected|supposed|scheduled|due)\b/.test(read.text)
  )
}

function countTimes(
  need: Need,
  read: Read,
  part: Part | undefined,
  add: (name: FitPart, by?: number) => void,
): void {
  for (const wanted of need.whens) {
    const own =
      part === undefined ? [] : read.times.filter(when => when.start >= part.start && when.end <= part.end)
    const told = [own, read.times, read.around]
      .map(times => times.map(when => lies(when, wanted)).filter(lie => lie !== undefined))
      .find(lie => lie.length > 0)
    add(told === undefined ? 'timeUntold' : told.includes(true) ? 'timeSame' : 'timeOther')
  }
}
