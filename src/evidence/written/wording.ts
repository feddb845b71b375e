/**
 * What a text says of the claim by its own words: that it is supported, refuted, disputed, or not settled. Reads the
 * few ways in which a conclusion is put; a text that says none of these says nothing.
 */
import type { Stance, Verdict } from '../result.ts'

/** What can be said of a claim; the last two say only what it is not. */
export type Said = Verdict | 'not-supported' | 'not-refuted'

const subject = /\b(?:claims?|statement|assertion|evidence|passages?|sources?)\b/
const aboutClaim = /\b(?:claims?|statement|assertion)\b/

const supporting =
  /\b(?:support(?:s|ed|ing)?|confirm(?:s|ed|ing)?|true|correct|accurate|holds?|prove[sn]?|verif(?:y|ies|ied)|valid|bears? (?:it )?out|borne out|corroborate[sd]?|backs?|backed)\b/g
const refuting =
  /\b(?:refut(?:e|es|ed|ing)|contradict(?:s|ed|ing|ion)?|false|incorrect|inaccurate|untrue|wrong|disprove[sn]?|den(?:y|ies|ied)|invalid|rul(?:e|es|ed) (?:it )?out|rebut(?:s|ted)?)\b/g
const disputing =
  /\b(?:disputed?|conflict(?:s|ing|ed)?|disagree(?:s|ment)?|mixed|contested|contradict(?:s|ory)? (?:each other|one another))\b/
const unsettled =
  /\b(?:inconclusive|undetermined|unsettled|undecided|unresolved|unclear|unverified|insufficient|unsupported|too little|not enough|not sufficient|no (?:clear |direct |sufficient )?(?:evidence|information|support)(?! (?:against|to the contrary|of (?:any )?(?:conflict|contradiction))))\b/
const settling =
  /\b(?:settled?|decided?|determined?|established?|address(?:es|ed)?|mention(?:s|ed)?|resolved?|concluded?|clear)\b/g
const negation = /\b(?:not|never|no|none|cannot|neither|nor|without|hardly|fails? to|unable to)\b|n['’]t\b/

/** Words before another that a negation may stand in. */
const reach = 4

/** What `text` says of the claim. Words that stand in the claim itself count for nothing, nor do quoted ones. */
export function saidOf(text: string, claim: string): ReadonlySet<Said> {
  const said = new Set<Said>()
  const known = claim.toLowerCase()
  const unquoted = text.toLowerCase().replace(/“[^”]*”|"[^"]*"|«[^»]*»|`[^`]*`/g, ' ')
  for (const sentence of unquoted.split(/(?<=[.!?;])\s+/)) {
    // "Supported: …" and "True." speak of the claim as well.
    const verdictFirst =
      /^\W*(?:not )?(?:supported|refuted|disputed|true|false|confirmed|insufficient)\b/.test(sentence)
    if (!verdictFirst && !subject.test(sentence)) continue
    if (unsettled.test(sentence)) said.add('not-enough-evidence')
    if (disputing.test(sentence) && !known.includes(disputing.exec(sentence)?.[0] ?? '')) said.add('disputed')
    if (negated(sentence, settling, known).includes(true)) said.add('not-enough-evidence')
    if (!verdictFirst && !aboutClaim.test(sentence)) continue
    for (const not of negated(sentence, supporting, known)) said.add(not ? 'not-supported' : 'supported')
    for (const not of negated(sentence, refuting, known)) said.add(not ? 'not-refuted' : 'refuted')
  }
  return said
}

/** Of each word of the pattern that the claim does not hold: whether a negation stands before it. */
function negated(sentence: string, pattern: RegExp, claim: string): boolean[] {
  return [...sentence.matchAll(pattern)].flatMap(({ 0: word, index }) => {
    if (claim.includes(word)) return []
    const before = sentence.slice(0, index).split(/\s+/).filter(Boolean).slice(-reach)
    return [negation.test(before.join(' '))]
  })
}

/** What a conclusion must not say beside a verdict. */
const against: Readonly<Record<Verdict, readonly Said[]>> = {
  supported: ['refuted', 'not-enough-evidence', 'not-supported'],
  refuted: ['supported', 'not-enough-evidence', 'not-refuted'],
  disputed: ['not-enough-evidence'],
  'not-enough-evidence': ['supported', 'refuted', 'disputed'],
}

/** What in `said` is not so where `verdict` is; undefined where nothing is. */
export function contradiction(verdict: Verdict, said: ReadonlySet<Said>): Said | undefined {
  const wrong = against[verdict].find(each => said.has(each))
  if (verdict === 'not-enough-evidence') return said.has('not-enough-evidence') ? undefined : wrong
  if (wrong !== undefined) return wrong
  if (verdict !== 'disputed') return said.has('disputed') && !said.has(verdict) ? 'disputed' : undefined
  if (said.has('disputed') || said.has('supported') === said.has('refuted')) return undefined
  return said.has('supported') ? 'supported' : 'refuted'
}

/** The same for what is said of one passage. */
export function againstStance(stance: Stance, said: ReadonlySet<Said>): Said | undefined {
  if (stance === 'supports') return oneOf(said, ['refuted', 'not-supported'])
  if (stance === 'refutes') return oneOf(said, ['supported', 'not-refuted'])
  return oneOf(said, ['supported', 'refuted'])
}

const oneOf = (said: ReadonlySet<Said>, list: readonly Said[]): Said | undefined =>
  list.find(each => said.has(each))
