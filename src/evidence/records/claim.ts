/**
 * Reads a claim as a question to rows: the words that have to be met, the figures with how they are compared, the
 * statistic, the time, and whether it speaks of all, of none, of a limit or of a change.
 */
import type { Statistic } from '../facts/fact.ts'
import { type Token, tokensOf } from '../facts/quantity.ts'
import { type Figure, figuresOf, isOrdinal, isPronoun, isWhole } from './figure.ts'
import { normOf } from './record.ts'
import { type Span, spanIn } from './span.ts'
import { conceptOf, grammar, isPlan, isSoft, isSoftWord, wordsIn } from './vocabulary.ts'

/** A word of a claim that means something. */
export type Word = {
  readonly concept: string
  readonly lower: string
  readonly start: number
  /** A name: with digits or marks inside, or with a capital within the sentence; as it is looked for in rows. */
  readonly entity?: string
  /** Of a letter that is a name: the noun before it. */
  readonly kind?: string
  /** Says what happened; rows often leave it out. */
  readonly verb: boolean
}

/** A claim as it was read. */
export type Claim = {
  readonly text: string
  readonly words: readonly Word[]
  readonly figures: readonly Figure[]
  /** Numbers that only say how many things there are: "the five jobs", "of the four steps". */
  readonly wholes: readonly Figure[]
  readonly statistic: Statistic
  readonly span?: Span
  readonly negated: boolean
  readonly every: boolean
  readonly none: boolean
  /** Says that something did not happen. */
  readonly nothing: boolean
  /** Speaks of what is allowed or set as a bound. */
  readonly limit: boolean
  readonly plan: boolean
  /** Holds an exception, a condition or another turn that no question reads. */
  readonly turned: boolean
  /** A stretch of time told in words: "last week", "in the first hour". */
  readonly stretch?: string
}

const phrases: readonly (readonly [RegExp, string])[] = [
  [/\b(?:minus) (?=\d)/gi, '-'],
  [/\bgarbage collections?\b/gi, 'gc'],
  [/\btim(?:e|ed|es) out\b/gi, 'timeout'],
  [/\bresponse times?\b/gi, 'latency'],
  [/\bnot? (?=\w+ (?:at all)\b)/gi, 'not '],
  [/\bruns out\b/gi, 'expires'],
  [/\b(?:was|were|is|are) through (?=(?:in|after|within)\b)/gi, 'took '],
  [/\b(?:tries|tried|try) again\b/gi, 'retries'],
  [/\b(?:sign|signs|signed) in\b/gi, 'login'],
  [/\bturned (?:away|down)\b/gi, 'rejected'],
  [/\b(?:went|gone|go) missing\b/gi, 'lost'],
  [/\b(?:thrown away|thrown out)\b/gi, 'dropped'],
  [/\bput off\b/gi, 'postponed'],
  [/\bswitched over\b/gi, 'failover'],
  [/ (?:week over week|month over month|year over year|day over day)\b/gi, ''],
  [/\bended (?:up )?(?:in|with)\b/gi, 'had'],
  [
    /\bbefore (?:it |they |he |she )?(?:giv(?:es?|ing) up|fail(?:s|ing)|abort(?:s|ing)|tim(?:es|ing) out)\b/gi,
    'timeout',
  ],
  [
    /\bgives up (?=after (?:\d|a |an |half|one|two|three|four|five|six|ten|twenty|thirty|ninety)[^.]{0,14}(?:second|minute|hour|ms\b|s\b))/gi,
    'timeout ',
  ],
  [/\bOOM[- ]kill(?:ed|s|ing)?\b/g, 'oom killed'],
  [/\blost (?:its |the |their )?connection\b/gi, 'disconnected'],
  [/\bin use\b/gi, 'used'],
  [/\bset up\b/gi, 'created'],
  [/\btaken down\b/gi, 'removed'],
  [/ without (?:a break|interruption)\b/gi, ''],
  [/\bread[ -]only\b/gi, 'readonly'],
  [/\blog(?:ged|s)? in(?:s)?\b/gi, 'login'],
  [/\bsign(?:ed)? ?ups?\b/gi, 'signup'],
  [/\brolled back\b/gi, 'rollback'],
  [/\b(?:is|was|were|are) over\b(?! [\d$])/gi, 'was finished'],
  [/\bcarried out\b/gi, 'done'],
  [/\b(is|are|was|were|be|been) up(?=[.]?$| (?:in|on|at|since|after|again)\b)/gi, '$1 healthy'],
  [/\b(is|are|was|were|be|been) down(?=[.]?$| (?:in|on|at|since|after|again)\b)/gi, '$1 unhealthy'],
  [/\bthree[ -]quarters of an hour\b/gi, '45 minutes'],
  [/\b(?:a )?quarter of an hour\b/gi, '15 minutes'],
  [/\b(?:a )?quarter of a minute\b/gi, '15 seconds'],
  [/\b(?:a )?quarter of a second\b/gi, '250 ms'],
  [/\bhalf a minute\b/gi, '30 seconds'],
  [/\b(?:an|one) hour and a half\b/gi, '90 minutes'],
  [/\b(?:a|one) minute and a half\b/gi, '90 seconds'],
  [/\b(?:a|one) second and a half\b/gi, '1.5 seconds'],
  [/\b(?:a|one) day and a half\b/gi, '36 hours'],
  [/\bhalf a (?=(?:kilo|mega|giga|tera)byte)/gi, '0.5 '],
  [/\b(is|are|was|were|turned|switched|set to|be) on(?=[.]?$| (?:for|in|on|at)\b)/gi, '$1 enabled'],
  [/\b(is|are|was|were|turned|switched|set to|be) off(?=[.]?$| (?:for|in|on|at)\b)/gi, '$1 disabled'],
  [/\b(?:been|is|was) up for\b/gi, 'uptime'],
  [/\b(?:open )?(?:at the same time|at once|at the same moment)\b/gi, 'parallel'],
  [/\b(?:left|leave) out\b/gi, 'skipped'],
  [/\b(?:gave|given|gives|giving) up\b/gi, 'giving up'],
  [/\bopen(?:ed)? files\b/gi, 'open files'],
]

const numbers = 'zero one two three four five six seven eight nine ten'.split(' ')
const halfMore = /\b(one|two|three|four|five|six|seven|eight|nine|ten) and a half ([a-z]+)/gi

/** The text with phrases of several words put as one; offsets are those of the new text. */
function plainText(text: string): string {
  let plain = text.replaceAll('’', "'").replaceAll('`', '"')
  for (const [pattern, word] of phrases) plain = plain.replace(pattern, word)
  plain = plain.replace(
    halfMore,
    (_all, count: string, unit: string) => `${numbers.indexOf(count.toLowerCase())}.5 ${unit}`,
  )
  return plain
}

/** The statistic that a text names; `plain` where it names none. */
export function statisticOf(text: string): Statistic {
  for (const token of tokensOf(text))
    if (token.kind === 'percentile') return token.percentile === 50 ? 'p50' : `p${token.percentile}`
  if (/\bmedian\b/i.test(text)) return 'p50'
  if (/\b(?:mean|average|averaged|avg|averages)\b/i.test(text)) return 'mean'
  if (
    /\b(?:maximum|max|highest|peak|peaked|largest|longest|slowest|worst|biggest|greatest|most(?! \w+ly)|hottest|warmest)\b/i.test(
      text.replace(/\bat (?:the )?most\b/gi, ''),
    )
  )
    return 'max'
  if (
    /\b(?:minimum|min|lowest|smallest|shortest|fastest|fewest|least|coldest|best)\b/i.test(
      text.replace(/\bat (?:the )?least\b/gi, ''),
    )
  )
    return 'min'
  if (
    /\b(?:in total|total|totalled|totaled|altogether|overall|combined|in all|sum|together|all told|added up|adds up)\b/i.test(
      text,
    )
  )
    return 'total'
  if (/\b(?:first|initial|initially|earliest)\b/i.test(text)) return 'first'
  if (/\b(?:last|latest|final|finally|current|currently|now|most recent)\b/i.test(text)) return 'last'
  return 'plain'
}

/** Reads `claim`, one sentence. */
export function readClaim(claim: string): Claim {
  const text = plainText(claim)
  const tokens = tokensOf(text)
  const [span, spent] = spanIn(text, tokens)
  const all = figuresOf(
    text,
    tokens.filter(
      token =>
        !spent.has(token) &&
        !/^(?:none|no)$/i.test(text.slice(token.start, token.end)) &&
        !isPronoun(text, token) &&
        !isOrdinal(text, token),
    ),
  )
  const wholes = all.filter(figure => isWhole(text, figure))
  const figures = all.filter(figure => !wholes.includes(figure))
  const words = wordsOf(text, tokens).filter(
    word => !figures.some(figure => word.start >= figure.start && word.start < figure.end),
  )
  const stretch =
    /\b(?:(?:in|during|over|for|since|within) the )?(?:first|last|past|next|previous|following|this|that|second) (?:[a-z]+ )?(?:minutes?|hours?|days?|nights?|weeks?|weekends?|months?|quarters?|years?)\b|\byesterday\b|\btoday\b|\btonight\b|\btomorrow\b|\bthe day before\b|\bon (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b/i.exec(
      text,
    )?.[0]
  const limit =
    /\b(?:limit(?:ed|s)?|cap(?:ped)?|quota|may|allow(?:s|ed)?|accept(?:s|ed)?|permit(?:s|ted)?|maximum|ceiling|can)\b|\b(?:retries|tries|waits|runs|keeps|holds|uses) (?:up to|at most|no more than)\b|\b(?:at most|up to|no more than)\b.{1,40}\b(?:kept|retained|stored)\b|\b(?:larger|bigger|longer|more) than .{1,40}\b(?:refused|rejected|cut off|killed|denied|dropped)\b/i.test(
      text,
    ) && words.length > 0
  return {
    text,
    words,
    figures,
    wholes,
    statistic: statisticOf(text),
    ...(span === undefined ? {} : { span }),
    negated: /\b(?:not|never|no|n't|without|neither|nor|none|nobody|nothing|cannot)\b|n't\b/i.test(
      text.replace(
        /\bno (?:more|less|fewer|later|earlier|longer|higher|lower) than\b|\bnot (?:more|less|fewer|over|exceed)\b/gi,
        '',
      ),
    ),
    nothing: /\b(?:did|has|have|had|was|were|does|do|is|are)(?: not|n't| never)\b/i.test(text),
    every: /\b(?:all|every|each|both|any)\b/i.test(text),
    none: /\b(?:no|none|not an?(?: single)?|neither|nobody|nothing|never|without)\b/i.test(
      text.replace(/\bno (?:more|less|fewer|later|earlier|longer|higher|lower) than\b/gi, ''),
    ),
    limit,
    plan: words.some(word => isPlan(word.concept)),
    turned:
      /\b(?:would|used to|might|should|ought|supposed|could have|hoped|(?:\d|one|two|three|four|five|six|seven|eight|nine|ten) (?:more|fewer|less|additional|extra|further|other) (?!than\b)[a-z]+|no longer|any ?more|all but|except|apart from|other than|unless|if|second (?:most|largest|highest|longest)|and a half|apart|ago|ahead of|fold|(?:two|three|four|five|six|seven|eight|nine|ten)fold|quarter of an? day|gap|(?:an?|the|its|their|only|on|in) (?:second|third|fourth|fifth|sixth) (?!(?:of|or|and|after|before|later|in|on|at|for|to|each|per|long|ago)\b)[a-z]+)\b/i.test(
        text,
      ),
    ...(stretch === undefined ? {} : { stretch: normOf(stretch) }),
  }
}

const statisticWords = new Set(
  `median mean average averaged avg averages maximum max highest peak peaked largest longest slowest worst biggest
  greatest most minimum min lowest smallest shortest fastest fewest least total totalled altogether overall combined sum
  together first initial initially earliest last latest final finally current currently now percentile hottest warmest
  coldest best all in`.split(/\s+/),
)

/** True for words that name a statistic. */
export const isStatistic = (lower: string): boolean => statisticWords.has(lower) || /^p\d\d/.test(lower)

// What stands before "more" or, with an s, before a figure, is a verb.
const acting = /^ (?:more|fewer|less|the (?:most|fewest|least)|nothing)\b/i
const stating =
  /^ (?:(?:about|around|roughly|nearly|almost|exactly|only|just|up to|at least|at most|more than|less than|fewer than|over|under|between|no more than) )?(?:\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|a|an)\b)/i

const lettered =
  /\b(?:node|host|shard|zone|rack|team|model|turbine|line|pool|group|site|aisle|region|sensor|server|plant|unit|cell|station|gate|lane|cluster|tank|pump|room|replica|worker|variant|arm|class|segment|queue|building|block|ward|bay|hall|store|department|route|machine|press|oven|printer) $/i

const irregular = new Set(
  'wrote sent ran got made took kept held saw came went began grew fell rose brought bought sold built won lost found left spent led met paid read set shut stood told gave knew'.split(
    ' ',
  ),
)

const verbLead =
  /\b(?:was|were|is|are|be|been|has|have|had|did|do|does|not|to|may|can|could|must|will|it|they|never|n't|being|that|got|gets)\s+$/i

function wordsOf(text: string, tokens: readonly Token[]): Word[] {
  let bare = text
  for (const token of tokens)
    bare = bare.slice(0, token.start) + ' '.repeat(token.end - token.start) + bare.slice(token.end)
  const words: Word[] = []
  const pattern = /"([^"]{1,60})"|[\p{L}\p{N}_/@#][\p{L}\p{N}_./@:+#-]*/gu
  for (const match of bare.matchAll(pattern)) {
    const quoted = match[1]
    const raw = (quoted ?? match[0]).replace(/(?:'s|[.,:;!?/-])+$/, '')
    const start = match.index
    if (raw === '' || /^(?:UTC|GMT|CES?T|BST|ES?DT|PS?DT|JST)$/.test(raw)) continue
    if (
      monthName.test(raw) &&
      /\b(?:in|for|of|during|since|until|from|to|between|and|than|throughout) $/i.test(text.slice(0, start))
    )
      continue
    const lower = raw.toLowerCase()
    if (
      /^[A-Za-z]$/.test(raw) &&
      lettered.test(text.slice(0, start)) &&
      !/^ [a-z]+ (?:of|in|on|is|was)\b/.test(text.slice(start + 1))
    ) {
      const kind = /([a-z]+) $/i.exec(text.slice(0, start))?.[1]?.toLowerCase() ?? ''
      words.push({ concept: lower, lower, start, entity: ` ${lower} `, kind, verb: false })
      continue
    }
    const marked = quoted !== undefined || /\d|[a-z][_.:@]|[A-Z].*[A-Z]|^\/|[\p{L}]\/|[a-z][A-Z]/u.test(raw)
    const hyphened = /\p{L}-\p{L}/u.test(raw)
    const first = !/[\p{L}\p{N}]/u.test(text.slice(0, start))
    const capital = /^\p{Lu}/u.test(raw) && !first && !monthName.test(raw)
    if (marked || (capital && !grammar.has(lower))) {
      words.push({ concept: conceptOf(raw), lower, start, entity: normOf(raw), verb: false })
      continue
    }
    for (const part of hyphened ? [raw] : wordsIn(raw)) {
      const small = part.toLowerCase()
      if (hyphened) {
        // "read-only" and "payments-auth" alike: the parts have to be met.
        for (const piece of wordsIn(part))
          if (!grammar.has(piece.toLowerCase()))
            words.push({ concept: conceptOf(piece), lower: piece.toLowerCase(), start, verb: false })
        continue
      }
      if (grammar.has(small) || small === 's' || small === 't') continue
      const verb =
        (/(?:ed|ing|ly)$/.test(small) && !/^(?:hour|dai|night|week|month|quarter|year)ly$/.test(small)) ||
        irregular.has(small) ||
        acting.test(text.slice(start + part.length)) ||
        (/s$/.test(small) && stating.test(text.slice(start + part.length))) ||
        verbLead.test(text.slice(0, start))
      words.push({ concept: conceptOf(part), lower: small, start, verb })
    }
  }
  return words
}

const monthName =
  /^(?:January|February|March|April|May|June|July|August|September|October|November|December|UTC|GMT|CET|CEST)$/

/** The words that a cell or its row has to hold beside a figure of `dimension`. */
export const neededOf = (claim: Claim, dimension: string): Word[] =>
  claim.words.filter(
    word =>
      word.entity !== undefined ||
      (!isSoft(word.concept, dimension) && !isSoftWord(word.lower) && !isStatistic(word.lower)),
  )
