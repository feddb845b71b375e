/** What names and single values say: the figure of a cell, the statistic of a column, the day of a title. */
import type { Statistic } from './fact.ts'
import type { Entry } from './lines.ts'
import type { Moment } from './moment.ts'
import { type Quantity, tokensOf, versionOf } from './quantity.ts'
import { statisticOf } from './sentence.ts'
import { unitOfName } from './unit.ts'
import { isPlan, partsOf } from './words.ts'

/** A column such as "rejected" says what became of what another column counts. */
export const isPassive = (name: string): boolean => /^(?:\w+ed|sent|lost|kept)$/i.test(name)

/** True for a column whose figures name a row. */
export const isKey = (name: string): boolean =>
  /^(?:id|release|version|shard|node|no|nr|number|host|port|year)$/i.test(name)

/** A plan where one of the words tells of one. */
export const planOf = (stems: Iterable<string>): 'fact' | 'plan' =>
  [...stems].some(isPlan) ? 'plan' : 'fact'

/** A line such as "Note: the p99 was 3 s." is a sentence, not a key with a value. */
export const looksLikeProse = ({ text, name }: Entry): boolean =>
  /\p{L}+ \p{L}+ \p{L}+/u.test(text) || / /.test(name)

/** The day of a window of 24 hours that ends at a midnight. */
export function endOfDay(title: string): Moment | undefined {
  const end = /\b24 ?h(?:ours?)?\b.*\bending (?:at )?(\d{4}-\d\d-\d\d)T00:00/i.exec(title)?.[1]
  if (end === undefined) return undefined
  const before = new Date(Date.parse(end) - 86_400_000)
  return { year: before.getUTCFullYear(), month: before.getUTCMonth() + 1, day: before.getUTCDate() }
}

/** The statistic that a name or a title states. */
export function statisticIn(name: string): Statistic | undefined {
  const percentile = tokensOf(name.replaceAll('_', ' ')).find(token => token.kind === 'percentile')
  if (percentile?.kind === 'percentile') return `p${percentile.percentile}`
  return statisticOf(partsOf(name).join(' '))
}

/** The figure that a cell or a value is, as a whole, its unit taken from its name where it has none. */
export function figureOf(text: string, name: string): Quantity | undefined {
  if (text === '' || text.length > 40 || !/\d/.test(text)) return undefined
  if (/\bversion\b|^release$/i.test(name) && /^v?\d+(?:\.\d+)*$/.test(text)) return versionOf(text)
  const plain = /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text)
  const unit = plain
    ? unitOfName(
        partsOf(name).map(part => part.toLowerCase()),
        name,
      )
    : undefined
  if (plain) {
    const digits = /\.(\d+)/.exec(text)?.[1]?.length ?? 0
    const { dimension, factor, shift = 0 } = unit ?? { dimension: 'number' as const, factor: 1 }
    const value = Number((Number(text) * factor + shift).toPrecision(12))
    const slack = digits === 0 ? 0 : Number((0.5 * 10 ** -digits * factor).toPrecision(12))
    return { value, dimension, slack, text }
  }
  const [token, ...rest] = tokensOf(text)
  if (token?.kind !== 'quantity' || rest.length > 0) return undefined
  return token.start === 0 && token.end === text.length ? token.quantity : undefined
}
