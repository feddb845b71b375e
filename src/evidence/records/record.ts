/**
 * What a structured source is read into: blocks (a table, a log, the objects of a document, a set of metrics) of
 * rows of cells, with exact offsets. Here cells and rows are made from names and texts; readers find those.
 */
import { type Moment, mergeMoments, momentOf } from '../facts/moment.ts'
import { clean, type Quantity, tokensOf, versionOf } from '../facts/quantity.ts'
import { type Dimension, type Unit, unitOf, unitOfName } from '../facts/unit.ts'
import { conceptOf, grammar, uncameled, wordsIn } from './vocabulary.ts'

/** Half-open, in UTF-16 units of the source. */
export type Place = { readonly start: number; readonly end: number }

/** A named value. */
export type Cell = Place & {
  readonly name: string
  /** Concepts of the name, the unit left out. */
  readonly own: readonly string[]
  /** Concepts of the names above it. */
  readonly path: readonly string[]
  readonly text: string
  readonly quantity?: Quantity
  readonly moment?: Moment
}

/** A row of a table, an object, a metric or a line, with all that says what it is of. */
export type Row = Place & {
  readonly cells: readonly Cell[]
  /** Concepts of its texts and of the names above it. */
  readonly labels: ReadonlySet<string>
  /** Its texts in small letters, words parted by single blanks, with a blank at both ends. */
  readonly norm: string
  /** Texts that name it: its own, the labels of a metric, the names above an object. */
  readonly names: readonly string[]
  readonly moment?: Moment
  /** A line that is switched off by a comment mark. */
  readonly quiet: boolean
}

/** Rows that belong together. */
export type Block = {
  readonly form: 'table' | 'log' | 'tree' | 'metrics'
  readonly rows: readonly Row[]
  /** Concepts of title, headings and captions. */
  readonly words: ReadonlySet<string>
  readonly norm: string
  /** Units that title, captions or comments state. */
  readonly units: readonly Unit[]
  /** The day that the title states. */
  readonly moment?: Moment
  /** True where its times name their zone. */
  readonly zoned: boolean
  /** False where it says of itself that something is left out. */
  readonly complete: boolean
}

/** `text` in small letters, with single blanks for all that is neither letter nor digit, and at both ends. */
export const normOf = (text: string): string =>
  ` ${uncameled(text)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `

const unitWords = new Set(
  `ms millis milliseconds us ns s sec secs second seconds minutes mins hours days bytes byte kb mb gb tb kib mib
  gib tib percent pct percentage celsius usd eur gbp rps qps rpm watts kwh`.split(/\s+/),
)

const nameCache = new Map<string, string[]>()

/** The concepts of a name: a unit at its end and words that only count are left out. */
export function nameConcepts(name: string): string[] {
  const known = nameCache.get(name)
  if (known !== undefined) return known
  const made = conceptsOfName(name)
  if (nameCache.size > 5000) nameCache.clear()
  nameCache.set(name, made)
  return made
}

/** A `min` behind a time word is minutes and no minimum. */
const endsInMinutes = (parts: readonly string[]): boolean =>
  parts.length > 1 &&
  parts.at(-1)?.toLowerCase() === 'min' &&
  parts
    .slice(0, -1)
    .some(part =>
      /^(?:timeout|ttl|interval|duration|age|time|delay|period|shutdown|lifetime|retention|wait|uptime|runtime|window|cooldown|grace|expiry|job)$/i.test(
        part,
      ),
    )

// As in MAXPODS and maxclients; minutes and numbers are words of their own.
const glued =
  /(?<![\p{L}])(max|min|avg|num)(?!im|ut|us|or|ing|i?eral|ber|eric|ister|ority)(?=\p{L}{4,}(?!\p{L}))/giu

const lifetime = /\bmax[_-]?(?:age|lifetime)\b|\btime[_-]?to[_-]?live\b/i

function conceptsOfName(name: string): string[] {
  const parts = wordsIn(
    name
      .replace(lifetime, 'expiry')
      .replace(glued, '$1 ')
      .replace(
        /(?<=.)[([](?:in )?(?:ms|s|sec|seconds|min|minutes|h|hours|d|days|%|[KMGT]i?B|bytes)[)\]]$/i,
        '',
      ),
  )
  const last = parts.at(-1)?.toLowerCase() ?? ''
  const before = parts.at(-2)?.toLowerCase() ?? ''
  if (before === 'in' && unitWords.has(last)) parts.splice(-2, 1)
  if (endsInMinutes(parts)) parts.pop()
  const bare =
    parts.length > 1 &&
    (unitWords.has(last) || (/^[cf]$/.test(last) && parts.some(part => /^temp/i.test(part))))
      ? parts.slice(0, -1)
      : parts.length > 2 && last === 'total' && unitWords.has(before)
        ? parts.slice(0, -2)
        : parts
  return bare
    .map(part => part.toLowerCase())
    .filter(part => !grammar.has(part) || part === 'in' || part === 'out' || part === 'on' || part === 'off')
    .map(conceptOf)
}

const plainNumber = /^[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/
const grouped = /^[-+]?\d{1,3}(?:[,_ ]\d{3})+(?:\.\d+)?$/
const versionName = /\b(?:version|release|kernel|firmware|tag|image|ver|runtime|engine|build|revision)\b/i

/** The figure that a value is, as a whole, its unit taken from its name where it has none. */
export function figureOf(text: string, name: string): Quantity | undefined {
  if (text === '' || text.length > 48 || !/\d/.test(text)) return undefined
  const spaced = name.replaceAll(/[_-]/g, ' ')
  // Of `7/9` under "ready" the seven are ready.
  const part = /^(\d{1,6})\/\d{1,6}$/.exec(text)?.[1]
  if (part !== undefined)
    return /\b(?:ready|replicas|available|up|passed|done|healthy|online|running)\b/i.test(spaced)
      ? { value: Number(part), dimension: 'number', slack: 0, text }
      : undefined
  const iso = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text)
  if (iso !== null) {
    const [, days = 0, hours = 0, minutes = 0, seconds = 0] = iso.map(Number).map(part => part || 0)
    return {
      value: (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000,
      dimension: 'time',
      slack: 0,
      text,
    }
  }
  if (
    /^v?\d+(?:\.\d+){1,3}(?:[-+][\w.]+)?$/.test(text) &&
    (versionName.test(spaced) || /^v|\.\d+\./.test(text))
  )
    return versionOf(text)
  const number = grouped.test(text) ? text.replaceAll(/[,_ ]/g, '') : text
  if (plainNumber.test(number)) return plainFigure(number.replace('−', '-'), name, text)
  const [token, ...rest] = tokensOf(
    /^\d+(?:\.\d+)?[smhd]$|^[\d.]+[kKmMgGtT][iI]?[bB]?$/.test(text) ? spelledUnit(text, spaced) : text,
  )
  if (token?.kind !== 'quantity' || rest.length > 0 || token.start > 0) return undefined
  const whole = token.end >= text.length || /^\d+(?:\.\d+)?[smhd]$|^[\d.]+[kKmMgGtT][iI]?[bB]?$/.test(text)
  return whole ? { ...token.quantity, text } : undefined
}

const tidy = (value: number): number => (Number.isInteger(value) ? value : clean(value))

/** Of `50m` beside a size, megabytes; beside a time, minutes. */
function spelledUnit(text: string, name: string): string {
  const letter = text.charAt(text.search(/[a-zA-Z]/))
  const digits = text.slice(0, text.search(/[a-zA-Z]/))
  const rest = text.slice(digits.length)
  if (rest.length === 1) {
    const sized =
      /size|memory|mem|buffer|body|disk|heap|cache|storage|limit.*bytes/i.test(name) &&
      !/time|ttl|interval|age/i.test(name)
    if (/[kKgGtT]/.test(letter) || (/[mM]/.test(letter) && (sized || letter === 'M')))
      return `${digits} ${letter === 'k' ? 'k' : letter.toUpperCase()}B`
    if (letter === 'm') return `${digits} min`
    return `${digits} ${letter}`
  }
  return `${digits} ${rest}`
}

function plainFigure(number: string, name: string, text: string): Quantity | undefined {
  const value = Number(number)
  if (!Number.isFinite(value)) return undefined
  const bracket = /[([]\s*([^()[\]]{1,12}?)\s*[)\]]\s*$/.exec(name)?.[1]
  const spelled = bracket === undefined ? undefined : (unitOf(bracket) ?? unitOf(bracket.replace(/^in /, '')))
  const parts = wordsIn(name).map(part => part.toLowerCase())
  const money =
    parts.includes('cents') && parts.some(part => part === 'usd' || part === 'eur') ? undefined : parts
  const ending = parts.at(-1) ?? ''
  const percent = /^(?:percent|pct|percentage)$/.test(ending) || /%/.test(name)
  const ratio = /(?:ratio|fraction)$/.test(ending) && Math.abs(value) <= 1
  const named =
    spelled ??
    (percent
      ? unitOf('%')
      : ratio
        ? ({ dimension: 'percent', factor: 100 } as const)
        : ending === 'ratio' || ending === 'fraction'
          ? undefined
          : (unitOfName(money ?? [], name) ??
            (parts.length > 1 || ending.length > 1 ? wordUnit(ending) : undefined)))
  const degrees =
    /^[cf]$/.test(ending) && parts.some(part => /^temp/.test(part))
      ? unitOf(`°${ending.toUpperCase()}`)
      : undefined
  const digits = /\.(\d+)/.exec(number)?.[1]?.length ?? 0
  const {
    dimension,
    factor,
    shift = 0,
  } = named ??
    degrees ??
    (endsInMinutes(parts) ? unitOf('min') : undefined) ?? { dimension: 'number' as const, factor: 1 }
  return {
    value: tidy(value * factor + shift),
    dimension,
    slack: digits === 0 ? 0 : clean(0.5 * 10 ** -digits * factor),
    text,
  }
}

const spelledUnits: Readonly<Record<string, string>> = {
  km: 'km',
  minutes: 'min',
  euro: 'EUR',
  euros: 'EUR',
  dollars: 'USD',
  degc: '°C',
}

function wordUnit(word: string): Unit | undefined {
  const name = spelledUnits[word]
  return name === undefined ? undefined : unitOf(name)
}

/** A bare number read in another unit, as a caption states it. */
export function inUnit(quantity: Quantity, unit: Unit): Quantity {
  const { value, slack, text } = quantity
  return {
    value: clean(value * unit.factor + (unit.shift ?? 0)),
    dimension: unit.dimension as Dimension,
    slack: clean(slack * unit.factor),
    text,
  }
}

const monthOnly = /^(\d{4})-(\d\d)$/
const months = 'january february march april may june july august september october november december'.split(
  ' ',
)

/** The day, month or time that a value is. */
export function momentIn(text: string): Moment | undefined {
  if (text.length > 40 || text.length < 3) return undefined
  const month = monthOnly.exec(text)
  if (month !== null && Number(month[2]) <= 12) return { year: Number(month[1]), month: Number(month[2]) }
  const named = /^([A-Za-z]{3,9})\.?(?: (\d{4}))?$/.exec(text)
  if (named !== null) {
    const index = months.findIndex(
      name => name === named[1]?.toLowerCase() || name.slice(0, 3) === named[1]?.toLowerCase(),
    )
    if (index < 0) return undefined
    return { ...(named[2] === undefined ? {} : { year: Number(named[2]) }), month: index + 1 }
  }
  if (!/\d[:-]|\d [A-Z]|[a-z] \d/.test(text)) return undefined
  const zoned = text.replace(/ (?:UTC|GMT)$/, text.includes('-') ? 'Z' : '')
  const seconds = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d{1,2}(?::?\d\d)?)?)$/.exec(
    zoned,
  )
  return momentOf(
    seconds === null
      ? zoned
      : (seconds[1] ?? '')
          .replace(/(?<=:\d\d.*)([+-])(\d)$/, '$10$2')
          .replace(/(?<=:\d\d.*[+-]\d\d)$/, ':00')
          .replace(/^(\d{4}-\d\d-\d\d)$/, '$1'),
  )
}

/** True for the name of a column whose figures name a row. */
export const isKeyName = (name: string): boolean =>
  /^(?:id|no|nr|number|shard|node|release|version|week|year|counter|rack|line|hour|port|quarter|sprint|build|order|run|n|item|account|ticket|issue|job|task|batch|room|gate|lane|zone|pod|code|status|exit|customer|user|invoice|request|req|deploy|kernel|firmware|wave|step|stage|phase|floor|level|unit|worker|part|partition|day|disk|slot|server|machine|host|team|group|block|chapter)(?:_?(?:id|no|number|nr))?$/i.test(
    name,
  )

/** A cell of that name and text at that place. */
export function cellOf(name: string, text: string, place: Place, path: readonly string[] = []): Cell {
  const quantity = figureOf(text, name)
  const moment = quantity === undefined || quantity.dimension === 'version' ? momentIn(text) : undefined
  const year = /^(?:19|20)\d\d$/.test(text) && /\byear\b/i.test(name) ? { year: Number(text) } : undefined
  return {
    start: place.start,
    end: place.end,
    name,
    own: nameConcepts(name),
    path,
    text,
    ...(quantity === undefined ? {} : { quantity }),
    ...(moment === undefined && year === undefined ? {} : { moment: moment ?? year }),
  }
}

/** A row of those cells; `above` are texts of what it stands in. */
export function rowOf(
  cells: readonly Cell[],
  place: Place,
  above = '',
  quiet = false,
  given: readonly string[] = [],
): Row {
  const labels = new Set<string>()
  let text = above
  for (const word of wordsIn(above)) labels.add(conceptOf(word))
  const names = [...given]
  let moment: Moment | undefined
  for (const cell of cells) {
    if (cell.moment !== undefined)
      moment = moment === undefined ? cell.moment : mergeTimes(moment, cell.moment)
    if (cell.quantity !== undefined && cell.quantity.dimension !== 'version') {
      if (/^\d{1,12}$/.test(cell.text)) text += ` | ${cell.name} ${cell.text}`
      if (isKeyName(cell.name)) names.push(`${cell.name} ${cell.text}`)
      const family = /^([1-5])\d\d$/.exec(cell.text)?.[1]
      if (family !== undefined && /status|code/i.test(cell.name)) text += ` | ${family}xx`
      continue
    }
    text += ` | ${cell.name} ${cell.text} | ${cell.text}`
    if (cell.text !== '' && cell.text.length <= 48) names.push(cell.text)
    for (const word of wordsIn(cell.text)) labels.add(conceptOf(word))
    for (const concept of cell.own) if (/^(?:true|yes|on|enabled)$/i.test(cell.text)) labels.add(concept)
  }
  return {
    start: place.start,
    end: place.end,
    cells,
    labels,
    norm: normOf(text.replaceAll('|', ' ')),
    names,
    quiet,
    ...(moment === undefined ? {} : { moment }),
  }
}

/** A day and a time of two cells make one; of two days the first stands. */
function mergeTimes(first: Moment, second: Moment): Moment {
  const split =
    (first.from === undefined) !== (second.from === undefined) &&
    (first.day === undefined) !== (second.day === undefined)
  return split ? (mergeMoments(first, second) ?? first) : first
}
