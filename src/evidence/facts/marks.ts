/** How a piece of text is meant: planned, an example, as it was before, denied, not known. */

/** What a part says of how it is meant. */
export type Marks = {
  /** Wanted, planned, expected, possible: not said to be so. */
  readonly plan: boolean
  /** Given as an example or under a condition. */
  readonly example: boolean
  /** How it was before. */
  readonly former: boolean
  readonly negated: boolean
  /** Asked, or said not to be known. */
  readonly open: boolean
}

/** Words that tell of now. */
export const present =
  /\b(?:now|today|currently|these days|nowadays|meanwhile|this (?:year|month|week|quarter))\b/i
const planWords =
  /\b(?:will|would|shall|should|must|might|could|plan(?:s|ned|ning)?|propos(?:e[ds]?|al|als|ing)|suggest(?:s|ed|ion)|expect(?:s|ed|ation)?|forecasts?|forecasted|estimates?|estimated|predict(?:s|ed|ion)?|project(?:ed|ion)|intend(?:s|ed)?|hope[ds]?|hoping|aim(?:s|ed|ing)?|want(?:s|ed)?|wish(?:es)?|goal|scheduled|supposed to|ought|to be|draft|idea|going to|asked for|ask for|requested|recommend(?:s|ed|ation)?|assum(?:e[ds]?|ption|ing)|potential(?:ly)?|likely|probably|perhaps|maybe|possibly|due (?:on|in|to be)|guess(?:ed)?|believed?|presumably|I think|we think|I hope|next (?:week|month|sprint|quarter|year|release)|tomorrow|shall|consider(?:s|ed|ing)?|aspir\w+|roadmap|wanted|announced|booked|reserved|hoped|commit(?:ted|ment)?|promised?|offer(?:ed|s)?|to come|agreed|decided|asked|ordered|approved|granted|set for|on order|ambition|would-be)\b/i
// "Answer 80 % within a day" asks for it.
const demand =
  /^\s*(?:[-*•] )?(?:\p{L}+ ?\d*: )?(?:[Aa]nswer|[Kk]eep|[Bb]ring|[Rr]educe|[Cc]ut|[Gg]et|[Rr]each|[Pp]ublish|[Aa]chieve|[Ee]nsure|[Mm]ake|[Hh]old|[Ll]imit|[Rr]estrict|[Ss]et|[Rr]aise|[Ll]ower|[Ii]ncrease|[Ss]tay|[Aa]dd|[Rr]emove|[Mm]ove|[Uu]pgrade)\b(?! (?:was|is|were|has|had))/u
const exampleWords =
  /\b(?:for example|for instance|e\.g\.|suppose|imagine|say,|if|whether|in case|unless|hypothetical(?:ly)?|example|were to)\b|\?$/i
const alarms =
  /\b(?:alerts?|alarms?|pages?|fires?|trips?|triggers?|warns?|rings?|restarts?|scales?)\b[^.]{0,40}\b(?:when|if|once|as soon as|whenever)\b/i
const formerWords =
  /\b(?:used to|previously|formerly|originally|initially|at first|had (?:been|taken|\w+ed)|(?:was|were) [^.]{0,40}\buntil\b|until (?:then|now|recently|last|the)|before (?:that|this|the|it|we)|earlier (?:we|figure|report)|no longer|once (?:was|were|had)|(?<!\b(?:was|were|is|are|been|be|went) )(?:down|up) from|instead of|rather than|compared (?:with|to)|in the past|so far we|old (?:limit|value|figure|setting))\b/i
const negation =
  /\b(?:not|never|no|none|neither|nor|nobody|nothing|without|cannot|failed to|nowhere|hardly)\b|n[’']t\b/i
const openWords =
  /\?|\b(?:unknown|unclear|not (?:yet )?(?:known|clear|measured|counted|looked|sure)|(?:do|does|did) ?(?:n[’']t|not) (?:yet )?know|nobody (?:knows|noted|measured|counted|wrote|looked)|no (?:figures?|numbers?|data|measurements?) (?:yet|for|on|of|are|is|exist)|is missing|are missing|to be confirmed|tbc|tbd|still counting|ask \w+|have yet to|remains to be seen|whether)\b/i

/** How a piece of text is meant. */
export function marksOf(text: string): Marks {
  return {
    // The month is written with a capital.
    plan: planWords.test(text) || /\bmay\b/.test(text) || demand.test(text),
    example: exampleWords.test(text) || alarms.test(text),
    former: formerWords.test(text),
    negated: negation.test(text),
    open: openWords.test(text),
  }
}
