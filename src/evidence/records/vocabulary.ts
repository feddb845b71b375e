/**
 * The words of operations: one root for the forms of a word, one concept for words that mean the same in logs,
 * tables and configuration, and what kind a word is. English; an unknown word is simply itself.
 */
import { stem } from '../facts/words.ts'
import { synonyms } from './synonyms.ts'

const list = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean)

/** A word without its ending: `rejections`, `rejected` and `reject` are one. */
function cut(word: string): string {
  const lower = word.toLowerCase()
  if (/\d/.test(lower)) return lower
  let root = stem(lower)
  for (const end of ['ment', 'ion', 'ure', 'ance', 'ence', 'er', 'or', 'ity', 'ly', 'al']) {
    if (root.endsWith(end) && root.length - end.length >= 4) {
      root = root.slice(0, -end.length)
      break
    }
  }
  if (root.endsWith('iliat')) root = root.slice(0, -3)
  if (root.endsWith('at') && root.length >= 7) root = root.slice(0, -2)
  if (root.endsWith('e') && root.length > 4) root = root.slice(0, -1)
  return root
}

const concepts = new Map<string, string>()
for (const words of synonyms) {
  const [name] = words
  if (name !== undefined)
    for (const word of words)
      for (const form of [word, cut(word)]) if (!concepts.has(form)) concepts.set(form, cut(name))
}

const known = new Map<string, string>()

/** The concept of a word: equal for words that may stand for one another. */
export function conceptOf(word: string): string {
  const first = word.charCodeAt(0)
  const last = word.charCodeAt(word.length - 1)
  if ((first >= 48 && first <= 57) || (last >= 48 && last <= 57))
    return concepts.get(word.toLowerCase()) ?? word.toLowerCase()
  const found = known.get(word)
  if (found !== undefined) return found
  const lower = word.toLowerCase()
  const root = cut(lower)
  const concept = concepts.get(lower) ?? concepts.get(root) ?? root
  if (known.size > 20_000) known.clear()
  known.set(word, concept)
  return concept
}

const conceptSet = (text: string): ReadonlySet<string> => new Set(list(text).map(conceptOf))
const mutableSet = (text: string): Set<string> => new Set(list(text).map(conceptOf))
const words = (text: string): ReadonlySet<string> => new Set(list(text))

/** Words that carry no meaning for the arithmetic. */
export const grammar =
  words(`a an and are as at be been being but by did do does for from had has have he her his i if
  in into is it its no nor not of on onto or our per s so such t than that the their them then there these they
  this those to too upon was we were what when where which while who whose will with would you your it's each
  every all any both some more less fewer most least over under above below about around nearly almost only just
  also even still yet already exactly within during through throughout via never none without again out off down
  utc gmt approximately roughly ever can could may might one own because though although however itself how now
  ago later earlier neither either nobody nothing anyone anything everything between since until before after
  whole entire single whatsoever actually anywhere further beyond up first second third last two three four five
  six seven eight nine ten once twice same own its least other another else than me my across among amongst per cet cest est edt pst pdt`)

/** Concepts that need not stand in the evidence: they only carry a figure. */
const soft =
  mutableSet(`need needed use reach reached stay stayed remain remained record recorded report reported
  measure measured observe observed log logged see saw seen show shown shows come came stand stood stands amount
  value number figure service server system application app hold held holds get got gets run ran runs running have
  become became total sum overall altogether combined make made give given equal equals lie lay point exceed
  exceeded exceeds rise rose risen fell fall drop grow grew grown increase increased decrease decreased change
  changed go went gone climb climbed shrink shrank jump jumped higher lower larger smaller faster
  slower longer shorter bigger greater high low long short great quick quicker top latest recent final current
  currently contain contains contained consist include includes included consume consumed set list listed exist
  happen happened occur occurred time times entry entries line lines row rows event events item items record
  records instance instances exact quantity percentage day date hour minute second month week year period moment
  thing things place case cases use put take taken took do done tier setup farm fleet mode flag option setting feature parameter status state label configured configuration
  table column response process rate ratio level registered register per half quarter double doubled tripled thirds
  third twice times comes stands counted count counts amounted answer answered answers file written clock
  bring brought turn turned turns find found average stretch period series newer older wrote wrote-off morning afternoon evening night midnight noon o clock percent degree simultaneous parallel
  single separate worth`)

for (const word of list(
  'latency interval free finish start keep error deploy maximum minimum memory utilization deleted percentage',
))
  soft.delete(conceptOf(word))

const softWords =
  words(`took take taken takes last lasts lasted answer answers answered respond responds responded response finish finished period
  every remain remains remained left use uses used using configured set produced produces emitted raised threw thrown
  generated printed wrote written issued logged reported recorded counted saw seen showed experienced suffered had made
    took ran went came gave got listed warmer hotter colder cooler newer older faster slower higher lower`)

/** True for words of a claim that only carry a figure, though what they stand for may be measured itself. */
export const isSoftWord = (lower: string): boolean => softWords.has(lower)

/** Concepts that are soft beside a figure of a dimension: the unit says them. */
const softOf: Readonly<Record<string, ReadonlySet<string>>> = {
  time: conceptSet('latency last delay within need slow fast old age finish run wait seconds'),
  bytes: conceptSet('size weigh occupy take space bytes large'),
  percent: conceptSet('rate ratio share utilization percentage'),
  rate: conceptSet('rate throughput second minute hour per'),
  'byte-rate': conceptSet('rate throughput speed'),
  'bit-rate': conceptSet('rate throughput speed bandwidth'),
  temperature: conceptSet('temperature degree celsius measured warm cold read'),
  version: conceptSet('version release use run instal pin lock series'),
}

/** True for concepts that only carry a figure of `dimension`. */
export const isSoft = (concept: string, dimension = ''): boolean =>
  soft.has(concept) || (softOf[dimension]?.has(concept) ?? false)

const generic =
  conceptSet(`service system server host job run file page entry value process database db cluster
  client app application module component table pool worker instance container pod device box sensor queue topic
  index bucket disk volume network machine node unit station depot branch site  user   
  package plugin endpoint route path api function task step stage pipeline build release deployment environment
  record row line item partition shard replica tenant region zone   warehouse store shop  plant
  room tank pump machine bot tool script program daemon   store setting option parameter field key limit
  lease interface link port switch router gateway proxy listener model  article line flag feature`)

const neutral =
  conceptSet(`serve handle process receive get see have make take need use run hold contain show count
  report record log measure list reach stand come amount total average peak exceed stay remain keep answer respond
  reply last finish complete end produce return give cost weigh consume occupy spend draw do be become lie
  state name call set configure define cap limit allow permit accept hit climb rise fall drop grow go issue emit
  throw raise generate halve double triple quadruple open yield print perform execute carry own belong locate sit work operate`)

/** True for verbs that say no more than that a figure is so: "served 120 requests", "came to 4 GB". */
export const isNeutral = (concept: string, lower: string): boolean =>
  neutral.has(concept) || soft.has(concept) || softWords.has(lower)

/** True for nouns that only say what kind of thing a name beside them is of. */
export const isGeneric = (concept: string): boolean => generic.has(concept)

const plans =
  conceptSet(`plan planned target goal limit budget threshold expect expected forecast estimate estimated
  objective slo sla quota should must shall aim alert deadline propose proposed intend intended allowance recommend
  recommended require required guarantee timeout schedule scheduled project projected predict predicted setpoint
  desired requested requests ceiling available allowed wanted proposal draft alarm default`)

/** True for concepts that name a limit, a plan, a wish or an expectation and not what is. */
export const isPlan = (concept: string): boolean =>
  plans.has(concept) &&
  concept !== conceptOf('requests') &&
  concept !== conceptOf('free') &&
  concept !== conceptOf('accept')

const environments =
  conceptSet(`staging development qa sandbox canary preview beta loadtest benchmark rehearsal
  simulation drill mock demo uat preprod shadow testbed`)

/** True for concepts that name another environment than the one that serves. */
export const isEnvironment = (concept: string): boolean => environments.has(concept)

const telling =
  conceptSet(`failed rejected dropped error success cached skipped expired blocked deferred bounced
  cancelled timeout refused evicted miss misses paid returned refunded lost late closed unique distinct idle reserved
  swap pending free`)

/** True for concepts of a claim that a row has to say: they tell what became of a thing. */
export const isTelling = (concept: string): boolean => telling.has(concept)

const outcomes =
  conceptSet(`failed rejected dropped error success cached retried skipped expired blocked free used read
  written in out sent received minimum maximum average median p95 p99 deferred bounced cancelled timeout refused
  evicted hit miss misses accepted paid returned refunded lost late open closed passed new old previous reserved idle
  active warm cold swap peak planned pending unique distinct per active memory disk cpu swap network`)

/** True for concepts in a name that tell apart what a shorter name would mix. */
export const isOutcome = (concept: string): boolean => outcomes.has(concept)

// Of the last pair the words of one side are not the same: what is planned need not be in progress.
const opposites: readonly (readonly [string, string])[] = [
  ['enable yes true active up', 'disable no false inactive down'],
  [
    'up healthy ready running online alive available reachable',
    'down unhealthy notready stopped offline dead unavailable unreachable',
  ],
  ['success ok passed green succeeded completed', 'error failed red broken'],
  ['open opened', 'close closed'],
  ['on', 'off'],
  ['accept accepted allow', 'refuse rejected deny denied'],
  ['locked', 'unlocked'],
  ['encrypted', 'unencrypted plain'],
  ['public', 'private internal'],
  ['primary', 'secondary replica'],
  ['valid', 'invalid expired'],
  [
    'planned todo inprogress notstarted pending scheduled backlog draft waiting wip upcoming blocked queued open cancelled aborted failed',
    'live done finished complete completed closed shipped merged released resolved delivered',
  ],
].map(([left = '', right = '']) => [left, right] as const)

const sideOf = new Map<string, Set<number>>()
for (const [index, pair] of opposites.entries()) {
  for (const [side, text] of pair.entries()) {
    for (const word of list(text)) {
      for (const form of [word, conceptOf(word)]) {
        const sides = sideOf.get(form) ?? new Set<number>()
        sides.add(side === 0 ? index + 1 : -(index + 1))
        sideOf.set(form, sides)
      }
    }
  }
}

/** True for a word that names a state which has an opposite. */
export const isStateWord = (word: string): boolean => sideOf.has(word) || sideOf.has(conceptOf(word))

/** True for a word that a group of synonyms, or a list of this file, holds: it is hardly a name. */
export const isKnownWord = (lower: string): boolean =>
  concepts.has(lower) || isSoft(conceptOf(lower)) || isGeneric(conceptOf(lower)) || sideOf.has(lower)

/** Whether two state words mean the same, the opposite, or nothing that is known. */
export function stateOf(a: string, b: string): 'same' | 'opposite' | undefined {
  if (a === b || conceptOf(a) === conceptOf(b)) return 'same'
  const [left, right] = [sideOf.get(a) ?? sideOf.get(conceptOf(a)), sideOf.get(b) ?? sideOf.get(conceptOf(b))]
  if (left === undefined || right === undefined) return undefined
  for (const side of left) if (right.has(-side)) return 'opposite'
  for (const side of left) if (right.has(side) && Math.abs(side) < opposites.length) return 'same'
  return undefined
}

const wordPattern = /[\p{L}\p{M}][\p{L}\p{M}]*\d*(?:[\p{L}]+\d*)?|\p{N}+\p{L}*/gu

const joints = /(?<=[a-z\d])(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})/g
const camel = /[a-z\d][A-Z][a-z]|[A-Z]{3}[a-z]{2}/

/** `text` with identifiers taken apart at their capitals. */
export const uncameled = (text: string): string => (camel.test(text) ? text.replace(joints, ' ') : text)

/** The words of `text`, identifiers taken apart (`queueWait_ms` is queue, wait, ms). */
export const wordsIn = (text: string): string[] => uncameled(text).match(wordPattern) ?? []

/** The concepts of the words of `text` that are not grammar. */
export function conceptsIn(text: string): string[] {
  return wordsIn(text)
    .filter(word => !grammar.has(word.toLowerCase()))
    .map(conceptOf)
}

const members = new Map<string, readonly string[]>()
for (const group of synonyms) {
  const [name] = group
  if (name !== undefined) members.set(cut(name), group)
}

/** Beginnings by which the words of a concept are found in small letters. */
export function formsOf(concept: string, lower: string): string[] {
  const group = members.get(concept) ?? []
  const forms = [...group, lower].map(word =>
    word.length > 6 ? word.slice(0, 6) : word.length > 4 ? word.slice(0, -1) : word,
  )
  return [...new Set(forms)]
}
