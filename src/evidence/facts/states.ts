/**
 * Tells whether a claim stands or falls with a figure, so that likeness of words says nothing of its truth: a
 * number, a date, a time, a version, a spelled count, a factor, or which of many is the largest. Digits in a name (COVID-19, H1N1) are none.
 */

/** A number with its sign, currency, separators and unit: 900ms, 3.5%, 14:05, 2026-05-01, £20, v2.3.1, 5/9. */
const numeral =
  /^[<>=~≈±+−-]{0,2}(?:\p{Lu}{0,3}[$€£¥])?(?:v(?=\d))?\d[\d.,:/–T×x-]*(?:[\p{L}µ°%‰]{1,4})?(?:\/\p{L}+)?$/u

const spelled =
  /^(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\p{L}+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|millions?|billions?|dozens?|percent|percentage|half|halves|halved|thirds?|quarters?|twice|thrice|doubled?|doubles|tripled?|triples|quadrupled?|fold|\p{L}+fold|p\d\d?|fewer|fewest|(?:long|short|high|low|larg|small|fast|slow|cheap)est)$/iu

/** Whether `claim` is about a number, date, time, version, count or factor. */
export const statesFigure = (claim: string): boolean =>
  claim.split(/\s+/).some(word => {
    const bare = word.replace(/^[("'“‘[]+|[)"'”’\],.;:!?]+$/gu, '')
    return numeral.test(bare) || bare.split(/[-–]/).every(part => spelled.test(part) || numeral.test(part))
  })
