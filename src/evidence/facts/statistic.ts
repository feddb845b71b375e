/** Which statistic the words around a figure name. */
import type { Statistic } from './fact.ts'

/** Which statistic words name; undefined where none does. */
export function statisticOf(text: string): Statistic | undefined {
  if (/\b(?:median|p50)\b|\bhalf of (?:all|the) \w+ (?:took|waited|were)/i.test(text)) return 'p50'
  if (/\b(?:average|averaged|averages|averaging|mean|avg)(?![a-z])|[_-](?:avg|mean)\b/i.test(text))
    return 'mean'
  if (
    /\b(?:max|maximum|peak|peaks|peaked|peaking|highest|longest|largest|slowest|worst|biggest|busiest)\b|_max\b/i.test(
      text,
    )
  )
    return 'max'
  if (/\b(?:min|minimum|lowest|shortest|smallest|fastest|quickest)\b|_min\b/i.test(text)) return 'min'
  if (
    /\b(?:in all|in total|altogether|total|totalled|totaled|totalling|sum|overall|combined|together)\b/i.test(
      text,
    )
  )
    return 'total'
  if (
    /\b(?:latest|most recent|final|finally)\b|\blast (?!week|hour|day|month|year|night|quarter|\d)/i.test(
      text,
    )
  )
    return 'last'
  if (/\bfirst\b/i.test(text)) return 'first'
  return undefined
}
