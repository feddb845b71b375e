/** How the words around a figure compare: under, at least, about, not. */
import type { Comparison } from './fact.ts'

const qualifiers = String.raw`(?:\w+ ){0,4}?`
const cues: readonly (readonly [RegExp, Comparison])[] = [
  [
    new RegExp(
      `(?:no|not|n['’]t|never|none|nobody|nothing|neither)(?: of \\w+)? ${qualifiers}(?:more|greater|longer|higher|larger|slower|later|bigger|older) than $`,
    ),
    'at-most',
  ],
  [
    new RegExp(
      `(?:no|not|n['’]t|never|none|nobody) ${qualifiers}(?:less|fewer|lower|smaller|shorter|under|below)(?: than)? $`,
    ),
    'at-least',
  ],
  [
    /(?:never|not|n['’]t|without|no|none|nobody|nothing|neither)(?: \w+){0,9}? (?:above|over|exceed(?:ed|s|ing)?|past|beyond|surpass(?:ed|ing)?) $/,
    'at-most',
  ],
  [
    /(?:never|not|n['’]t|without|none|no|nobody|nothing)(?: \w+){0,4}? (?:reach(?:ed|es|ing)?|hit|attain(?:ed)?|touch(?:ed)?) $/,
    'under',
  ],
  [
    /(?:never|not|n['’]t|none)(?: \w+){0,4}? (?:fell|fall|dropped|dipped|went|go|sank|sunk) (?:below|under) $/,
    'at-least',
  ],
  [
    /(?:less|fewer|lower|smaller|shorter|faster|quicker|earlier|cheaper|older|lighter) than $|\b(?:under|below|beneath|short of|shy of|less) $|< ?$/,
    'under',
  ],
  [
    /\b(?:at most|up to|within|inside|at the most|as many as|as much as|<=|≤|not above|a maximum of|maximum of|max of|limited to|capped at) $/,
    'at-most',
  ],
  [
    /(?:more|greater|higher|larger|longer|bigger|slower|newer|later|heavier) than $|\b(?:over|above|exceed(?:ed|s|ing)?|beyond|past|upwards of|surpass(?:ed|es|ing)?|in excess of|passed|topped) $|> ?$/,
    'over',
  ],
  [/\b(?:at least|a minimum of|minimum of|not less than|>=|≥|no fewer than) $/, 'at-least'],
  [
    /\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|close to|some|circa|ca\.?|or so|just under|just over|a good|something like|an estimated|barely) $|[~≈] ?$/,
    'about',
  ],
]

// "Over the three floors" is where, no comparison.
const around =
  /(?<!\b(?:go|goes|going|went|gone|was|is|were|are|rose|stayed|remained|far|well|just|not) )\bover (?:all )?(?:the|these|those|our|all)(?: (?:last|past|next|first))? $/

/** How the words before and after a figure compare. */
export function comparisonOf(
  before: string,
  after: string,
): { readonly comparison: Comparison; readonly negated: boolean } {
  const text = ` ${before.slice(-64).toLowerCase()}`
    .replace(
      /\b(?:agreed|promised|planned|allowed|permitted|expected|estimated|budgeted|announced|required|contractual|usual|full) $/,
      '',
    )
    .replace(/\b(?:the|a|an|that of|its|only|just|even|a total of|some of) $/, '')
    .replace(/\s+/g, ' ')
  if (/^,? ?(?:or|and) (?:more|above|over|longer|higher|later|newer|up|upwards|greater)\b|^\+/.test(after))
    return { comparison: 'at-least', negated: false }
  if (
    /^,? ?(?:or|and) (?:less|fewer|below|under|shorter|lower|older|earlier)\b|^ (?:at most|at the most|or under)\b/.test(
      after,
    )
  )
    return { comparison: 'at-most', negated: false }
  if (/^ (?:at least|at a minimum|minimum)\b/.test(after)) return { comparison: 'at-least', negated: false }
  if (/^,? (?:or so|give or take|more or less|roughly)\b/.test(after))
    return { comparison: 'about', negated: false }
  if (/\b(?:just|slightly|a little|a bit) under $/.test(text)) return { comparison: 'under', negated: false }
  if (/\b(?:just|slightly|a little|a bit|well) over $/.test(text))
    return { comparison: 'over', negated: false }
  if (around.test(before.toLowerCase())) return { comparison: 'exact', negated: false }
  for (const [pattern, comparison] of cues) if (pattern.test(text)) return { comparison, negated: false }
  return {
    comparison: 'exact',
    negated: /\b(?:not|never|instead of|rather than|neither|nor)\b[^,;:]{0,16}$|n['’]t [^,;:]{0,16}$/.test(
      text,
    ),
  }
}
