/** Reads what changed: which way, and by how much or to what. */
import type { Change } from './fact.ts'
import type { Quantity } from './quantity.ts'

const upward =
  /\b(?:rose|risen|rise[sn]?|rising|grew|grown|grow[s]?|growing|increas(?:e[ds]?|ing)|climb(?:ed|s|ing)?|jump(?:ed|s)?|raised?|raising|went up|gone up|goes up|gained|up (?:by|from)|doubl(?:e[ds]?|ing)|tripl(?:e[ds]?|ing)|quadrupled|surged?|soared|swelled|bumped|lifted|added|extended|as (?:much|many|long|large|high|big|slow) again|heavier|bigger|larger|longer|higher|slower|more)\b|\b(?:twice|three times|four times|five times|ten times|thrice) as (?:much|many|long|large|high|big|slow|often)\b/i
const downward =
  /\b(?:fell|fallen|fall[s]?|falling|drop(?:ped|s|ping)?|decreas(?:e[ds]?|ing)|declin(?:ed|es|ing)|shrank|shrunk|shrinks?|shrinking|went down|gone down|goes down|came down|come down|comes down|brought down|lowered|reduc(?:ed|es|ing|tion)|cuts?|cutting|lost|sank|sunk|slimmed|trimmed|shortened|shaved|down (?:by|from|to)|halv(?:ed|es|ing)|smaller|shorter|faster|lower|lighter|cheaper|fewer|less|quicker)\b/i
const moving =
  /\b(?:went|gone|goes|moved|changed|came|come) (?:\w+ )?from\b|\bnow\b.*\b(?:used to|was|were|before)\b/i

/** Which way the words of `text` say that something went. */
export function directionOf(text: string): 'up' | 'down' | undefined {
  const up = upward.exec(text)
  const down = downward.exec(text)
  if (up === null) return down === null ? undefined : 'down'
  if (down === null) return 'up'
  return up.index < down.index ? 'up' : 'down'
}

/** "Doubled", "halved", "by half", "a third as long": the new value over the old. */
export function factorOf(text: string): number | undefined {
  if (/\b(?:halved|doubled) (?:twice|again)\b/i.test(text)) return /halved/i.test(text) ? 0.25 : 4
  if (/\bhalf as (?:much|many|long|large|high|big)(?: \w+)? again\b/i.test(text)) return 1.5
  const part =
    /\b(half|(?:a|one) (?:third|quarter|fifth|tenth)|two thirds|three quarters) (less|fewer|smaller|faster|quicker|shorter|cheaper|lighter|more|larger|bigger|longer|higher|heavier|dearer)\b/i.exec(
      text,
    )
  if (part !== null) return sharedFactor(part[1] ?? '', part[2] ?? '')
  if (/\b(?:doubl(?:e[ds]?|ing)|twice as|two times as|twofold)\b/i.test(text)) return 2
  if (/\b(?:tripl(?:e[ds]?|ing)|trebled|three times as|threefold)\b/i.test(text)) return 3
  if (/\b(?:quadrupled|four times as|fourfold)\b/i.test(text)) return 4
  if (
    /\b(?:halv(?:e[ds]?|ing)|by (?:a |one )?half|half as (?:much|many|long|large|high|big|slow)|in half|twice as fast|half (?:of )?what it was)\b/i.test(
      text,
    )
  )
    return 0.5
  if (/\bby (?:a|one) third\b/i.test(text)) return directionOf(text) === 'up' ? 4 / 3 : 2 / 3
  if (/\bby two thirds\b/i.test(text)) return directionOf(text) === 'up' ? 5 / 3 : 1 / 3
  if (/\bby (?:a|one) quarter\b/i.test(text)) return directionOf(text) === 'up' ? 1.25 : 0.75
  if (/\bby three quarters\b/i.test(text)) return directionOf(text) === 'up' ? 1.75 : 0.25
  if (/\bby (?:a|one) fifth\b/i.test(text)) return directionOf(text) === 'up' ? 1.2 : 0.8
  if (/\b(?:a|one) third (?:as|of what)\b/i.test(text)) return 1 / 3
  const times =
    /\b(five|six|eight|ten|\d+(?:\.\d+)?)(?: times|x|-fold) (?:as|faster|more|less|fewer|smaller|larger|the)\b/i.exec(
      text,
    )
  if (times === null) return undefined
  const words: Readonly<Record<string, number>> = { five: 5, six: 6, eight: 8, ten: 10 }
  const value = words[times[1]?.toLowerCase() ?? ''] ?? Number(times[1])
  if (!Number.isFinite(value)) return undefined
  return /faster|less|fewer|smaller/i.test(times[0]) ? 1 / value : value
}

const shares: Readonly<Record<string, number>> = {
  ...{ half: 0.5, third: 1 / 3, quarter: 0.25, fifth: 0.2, tenth: 0.1, thirds: 2 / 3, quarters: 0.75 },
}

function sharedFactor(share: string, way: string): number {
  const value = shares[share.slice(share.lastIndexOf(' ') + 1).toLowerCase()] ?? 0
  return /more|larger|bigger|longer|higher|heavier|dearer/i.test(way) ? 1 + value : 1 - value
}

/** What a figure says of a change: `start` and `end` are its place in `text`, `pair` that it has both ends. */
export function changeOf(given: {
  readonly text: string
  readonly part: { readonly start: number; readonly end: number }
  readonly start: number
  readonly end: number
  readonly quantity: Quantity
  readonly pair: boolean
}): Change | undefined {
  const { text, part, start, end, quantity, pair } = given
  const own = text.slice(part.start, part.end)
  const lead = text.slice(0, start)
  const direction = directionOf(own) ?? directionOf(lead)
  if (pair)
    return direction === undefined && !moving.test(text)
      ? { direction: 'same', by: false }
      : { direction: direction ?? 'same', by: false }
  const turned = /\b(?:improved|worsened|changed|differed?|deviated?)\b/i.test(own)
  if (direction === undefined && !turned) return undefined
  const before = text.slice(Math.max(part.start, start - 40), start)
  const after = text.slice(end, end + 40)
  const compared =
    /^[ -]*(?:\w+ )?(?:smaller|larger|bigger|less|more|fewer|faster|slower|shorter|longer|higher|lower|lighter|heavier|cheaper)\b(?! than \d)/i.test(
      after,
    ) ||
    /^ (?:increase|decrease|drop|fall|rise|reduction|growth|decline|cut|jump|saving|improvement)\b/i.test(
      after,
    )
  const by =
    /\bby (?:about |around |roughly |nearly |almost |at least |more than |less than |over |only |just |another |some |a good )?$/i.test(
      before,
    )
  const bare =
    (quantity.dimension === 'percent' || quantity.dimension === 'points') &&
    /\b(?:rose|grew|increased|climbed|jumped|gained|fell|dropped|decreased|declined|shrank|lost|shed|slimmed|up|down) (?:about |around |roughly |nearly |almost |another )?$/i.test(
      before,
    )
  const lost =
    /\b(?:lost|shed|gained|shaved(?: off)?|added|saved) (?:about |around |roughly |nearly |almost |another )?$/i.test(
      before,
    ) && quantity.dimension !== 'number'
  if (by || compared || bare || lost) {
    const way = direction ?? 'same'
    if (quantity.dimension === 'percent') return { direction: way, share: quantity.value / 100, by: true }
    return { direction: way, by: true }
  }
  const to = /\bto (?:about |around |only |just |over |under |nearly |below |above )?$/i.test(before)
  return to && direction !== undefined && directionOf(before) !== undefined
    ? { direction, by: false }
    : undefined
}
