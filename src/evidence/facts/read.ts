/**
 * Reads the typed facts of a source: prose by sentences, log lines, tables by cells, metrics, entries of JSON
 * or YAML. Each fact lies at the sentence, line or row that holds it. It judges nothing.
 */
import type { Fact, Form, Label, Statistic } from './fact.ts'
import {
  type Entry,
  entryOf,
  isLogLine,
  type Line,
  linesOf,
  metricOf,
  pairsOf,
  type Table,
  tableAt,
} from './lines.ts'
import { type Moment, mergeMoments, momentOf } from './moment.ts'
import { type Quantity, tokensOf } from './quantity.ts'
import { readSentence, type Sentence } from './sentence.ts'
import { endOfDay, figureOf, isKey, isPassive, looksLikeProse, planOf, statisticIn } from './value.ts'
import { stemsOf } from './words.ts'

/** What is known of a text beside itself. */
export type ReadOptions = {
  readonly type?: string | undefined
  readonly title?: string | undefined
  /** What of a log line is to be read: what keeps a large log quick. All of it where it is left out. */
  readonly keep?: LineFilter | undefined
}

/** Chooses what of a log line is read: nothing, the event alone, or its figures too. */
export type LineFilter = {
  readonly part: (line: string) => 'all' | 'event' | 'none'
  /** Whether figures under that key can matter. */
  readonly key: (name: string) => boolean
  /** Whether a message without its keys may hold a figure that can matter. */
  readonly message: (text: string) => boolean
}

const sentenceSegmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
const correction =
  /\b(?:correction|corrected|revised|amended|erratum|superseded?s?|turned out to be|actually|recounted|final figure)\b/i

/** The facts of `text`, in the order of the text. */
export function readFacts(text: string, { title = '', keep }: ReadOptions = {}): Fact[] {
  return new Reader(text, title, keep).read()
}

class Reader {
  readonly #facts: Fact[] = []
  readonly #lines: readonly Line[]
  readonly #context: ReadonlySet<string>
  readonly #titleMoment: Moment | undefined
  readonly #titleStatistic: Statistic | undefined
  readonly #keep: LineFilter | undefined
  readonly #text: string
  #heading: readonly string[] = []
  #path: { readonly depth: number; readonly name: string }[] = []
  #siblings: Label[] = []
  readonly #help = new Map<string, readonly string[]>()
  #group = 0

  constructor(text: string, title: string, keep: LineFilter | undefined) {
    this.#text = text
    this.#lines = linesOf(text)
    const read = readSentence(title)
    this.#context = new Set(stemsOf(title))
    this.#titleMoment = endOfDay(title) ?? read.moment
    this.#titleStatistic = statisticIn(title)
    this.#keep = keep
  }

  read(): Fact[] {
    const lines = this.#lines
    for (let index = 0; index < lines.length; ) {
      const line = lines[index] as Line
      if (line.text.trim() === '') {
        index += 1
        continue
      }
      const log = isLogLine(line.text)
      const found = log ? undefined : tableAt(lines, index)
      if (found !== undefined) {
        this.#table(found.table)
        index = found.next
        continue
      }
      index = this.#line(line, log, index)
    }
    return this.#facts
  }

  /** One line that is no table; returns the line after what was read. */
  #line(line: Line, log: boolean, index: number): number {
    if (log) {
      const part = this.#keep?.part(line.text) ?? 'all'
      if (part !== 'none') this.#log(line, part === 'all')
      return index + 1
    }
    const metric = metricOf(line.text)
    if (metric !== undefined) this.#metric(line, metric)
    else if (line.text.startsWith('# HELP '))
      this.#help.set(line.text.split(' ')[2] ?? '', stemsOf(line.text))
    else if (/^#{1,6} /.test(line.text) && !line.text.startsWith('# TYPE')) this.#heading = stemsOf(line.text)
    else if (!/^#/.test(line.text)) {
      const inline = /^\s*[{[].*":/.test(line.text)
      const entry = inline ? undefined : entryOf(line.text)
      if (inline) this.#object(line)
      else if (entry !== undefined && !looksLikeProse(entry)) this.#entry(line, entry)
      else if (/\p{L}/u.test(line.text)) return this.#prose(index)
    }
    return index + 1
  }

  #add(fact: Partial<Fact> & Pick<Fact, 'start' | 'end' | 'form' | 'own' | 'group'>): void {
    const { moment, ...rest } = fact
    const known = mergeMoments(moment, this.#titleMoment)
    this.#facts.push({
      statistic: 'plain',
      comparison: 'exact',
      modality: 'fact',
      negated: false,
      lead: new Set(),
      context: this.#heading.length === 0 ? this.#context : new Set([...this.#context, ...this.#heading]),
      labels: [],
      corrects: false,
      ...rest,
      ...(known === undefined ? {} : { moment: known }),
    })
  }

  /** The lines from `index` on that are one paragraph, sentence by sentence. */
  #prose(index: number): number {
    let last = index
    while (last + 1 < this.#lines.length && this.#continues(this.#lines[last + 1] as Line)) last += 1
    const start = (this.#lines[index] as Line).start
    const end = (this.#lines[last] as Line).end
    const text = this.#text.slice(start, end).replace(/[\r\n]/g, ' ')
    let before: Sentence | undefined
    for (const { index: at, segment } of sentenceSegmenter.segment(text)) {
      const trimmed = segment.trim()
      if (trimmed === '') continue
      const from = start + at + segment.length - segment.trimStart().length
      before = this.#sentence(trimmed, from, 'sentence', before)
    }
    return last + 1
  }

  #continues(line: Line): boolean {
    return (
      /^\p{Ll}|^\p{L}+ \p{Ll}/u.test(line.text) && !isLogLine(line.text) && entryOf(line.text) === undefined
    )
  }

  #sentence(
    text: string,
    start: number,
    form: Form,
    before?: Sentence,
    labels: readonly Label[] = [],
  ): Sentence {
    const read = readSentence(text)
    const inherited = /^(?:it|they|this|that|these|its|their)\b/i.test(text) ? (before?.words ?? []) : []
    // Compound names, so that checkout-eu is not taken for checkout.
    const names = (text.match(/\b[a-z]+(?:-[a-z]+)+\b/gi) ?? []).map(name => ({ name: 'name', text: name }))
    const place = { start, end: start + text.length, form, labels: [...labels, ...names] }
    const corrects = correction.test(text)
    if (read.figures.length === 0 && read.moment !== undefined) {
      const planned = /\b(?:will|would|should|must|may|might|planned|expected|scheduled)\b/.test(text)
      const own = new Set([...read.words, ...inherited])
      const negated = /\b(?:not|never|no)\b|n't/i.test(text)
      this.#add({
        ...place,
        own,
        group: 'date',
        modality: planned ? 'plan' : 'fact',
        negated,
        moment: read.moment,
      })
    }
    for (const [index, figure] of read.figures.entries()) {
      this.#add({
        ...place,
        quantity: figure.quantity,
        ...(figure.other === undefined ? {} : { other: figure.other }),
        ...(figure.change === undefined ? {} : { change: figure.change }),
        statistic: figure.statistic === 'plain' ? (this.#titleStatistic ?? 'plain') : figure.statistic,
        comparison: figure.comparison,
        modality: figure.plan ? 'plan' : 'fact',
        negated: figure.negated,
        own: new Set(figure.own),
        lead: new Set([...figure.lead, ...inherited]),
        group: `${form} ${start} ${index}`,
        ...(figure.moment === undefined ? {} : { moment: figure.moment }),
        corrects,
      })
    }
    return read
  }

  #log(line: Line, figures: boolean): void {
    const lead = line.text.length - line.text.trimStart().length
    const [start, text] = [line.start + lead, line.text.trim()]
    const stamp =
      /^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?|\d\d:\d\d(?::\d\d)?)/.exec(
        text,
      )
    const moment = stamp === null ? undefined : momentOf(stamp[1] ?? '')
    const labels: Label[] = []
    const bare = text.slice(stamp?.[0].length ?? 0)
    const words = new Set(stemsOf(bare))
    const event = { start, end: line.end, form: 'line' as const, own: words, group: 'event' }
    let message = bare
    for (const pair of pairsOf(bare)) {
      message = message.slice(0, pair.start) + ' '.repeat(pair.end - pair.start) + message.slice(pair.end)
      const wanted = figures && (this.#keep?.key(pair.name) ?? true)
      const quantity = wanted ? figureOf(pair.text, pair.name) : undefined
      if (quantity === undefined) labels.push({ name: pair.name, text: pair.text })
      else {
        const own = new Set(stemsOf(pair.name))
        const statistic = statisticIn(pair.name) ?? 'plain'
        const parts = { quantity, own, lead: words, statistic, group: `log =${pair.name}` }
        this.#add({ ...event, ...parts, modality: planOf(own), ...(moment === undefined ? {} : { moment }) })
      }
    }
    this.#add({ ...event, labels, ...(moment === undefined ? {} : { moment }) })
    if (!figures || this.#keep?.message(message) === false) return
    const read = readSentence(message)
    for (const figure of read.figures) {
      this.#add({
        ...event,
        quantity: figure.quantity,
        ...(figure.other === undefined ? {} : { other: figure.other }),
        ...(figure.change === undefined ? {} : { change: figure.change }),
        statistic: figure.statistic,
        comparison: figure.comparison,
        modality: figure.plan ? 'plan' : 'fact',
        negated: figure.negated,
        own: new Set(figure.own),
        lead: new Set([...figure.lead, ...labels.flatMap(label => stemsOf(label.text))]),
        labels,
        group: `log ${figure.own.join(' ')}`,
        corrects: correction.test(text),
        ...(moment === undefined ? {} : { moment }),
      })
    }
  }

  #metric(
    line: Line,
    { name, labels: inside, value }: { name: string; labels: string; value: string },
  ): void {
    const labels: Label[] = []
    let statistic = statisticIn(name)
    for (const pair of pairsOf(inside)) {
      if (pair.name === 'quantile') statistic = `p${Number((Number(pair.text) * 100).toPrecision(6))}`
      else labels.push({ name: pair.name, text: pair.text })
    }
    const own = stemsOf(name)
    const quantity = figureOf(value, name)
    if (quantity === undefined || /_bucket$/.test(name)) return
    const count = /_count$/.test(name)
    this.#add({
      start: line.start,
      end: line.end,
      form: 'metric',
      quantity: count ? { ...quantity, dimension: 'number' } : quantity,
      statistic: count ? 'count' : /_sum$/.test(name) ? 'total' : (statistic ?? 'plain'),
      modality: planOf(own),
      own: new Set(own),
      lead: new Set([
        ...labels.flatMap(label => [...stemsOf(label.text), ...stemsOf(label.name)]),
        ...(this.#help.get(name) ?? []),
      ]),
      labels,
      group: `metric ${name} ${statistic}`,
    })
  }

  #table({ head, rows }: Table): void {
    this.#group += 1
    for (const { line, cells } of rows) {
      const labels: Label[] = []
      let moment: Moment | undefined
      const figures: { readonly column: string; readonly quantity: Quantity }[] = []
      for (const [column, cell] of cells.entries()) {
        const name = head[column]?.text ?? ''
        const quantity = figureOf(cell.text, name)
        const tokens = quantity === undefined ? tokensOf(cell.text) : []
        const [only] = tokens
        if (quantity !== undefined) figures.push({ column: name, quantity })
        else if (only?.kind === 'moment' && only.end - only.start === cell.text.length) {
          moment = mergeMoments(moment, only.moment)
        } else if (cell.text !== '') labels.push({ name, text: cell.text })
      }
      const lead = line.text.length - line.text.trimStart().length
      const place = { start: line.start + lead, end: line.end, form: 'cell' as const, labels }
      const keys = new Set(labels.flatMap(label => [...stemsOf(label.text), ...stemsOf(label.name)]))
      const timed = moment === undefined ? {} : { moment }
      this.#add({ ...place, own: keys, group: `rows ${this.#group}`, ...timed })
      for (const { column, quantity } of figures) {
        const own = stemsOf(column)
        // A figure that is a key (a shard's number, a release) is not measured, but names the row.
        const others = head
          .filter(cell => cell.text !== column && !isPassive(cell.text))
          .map(cell => cell.text)
        const beside = figures.filter(other => other.column !== column && isKey(other.column))
        this.#add({
          ...place,
          ...timed,
          labels: [...labels, ...beside.map(other => ({ name: other.column, text: other.quantity.text }))],
          quantity,
          statistic: statisticIn(column) ?? this.#titleStatistic ?? 'plain',
          modality: planOf(own),
          own: new Set(own),
          lead: new Set([
            ...keys,
            ...beside.flatMap(other => [...stemsOf(other.column), ...stemsOf(other.quantity.text)]),
            ...(isPassive(column) ? others.flatMap(stemsOf) : []),
          ]),
          group: `column ${this.#group} ${column}`,
        })
      }
    }
  }

  /** An object that stands on one line. */
  #object(line: Line): void {
    const labels: Label[] = []
    const figures: { readonly name: string; readonly quantity: Quantity }[] = []
    for (const match of line.text.matchAll(/"([^"]{1,60})" ?: ?(?:"([^"]*)"|([^\s,"{}[\]]+))/g)) {
      const [, name = '', quoted, plain] = match
      const quantity = figureOf(quoted ?? plain ?? '', name)
      if (quantity === undefined) labels.push({ name, text: quoted ?? plain ?? '' })
      else figures.push({ name, quantity })
    }
    const lead = line.text.length - line.text.trimStart().length
    const place = { start: line.start + lead, end: line.end, form: 'cell' as const, labels }
    const path = this.#path.map(({ name }) => name).join(' ')
    const keys = new Set([
      ...stemsOf(path),
      ...labels.flatMap(label => [...stemsOf(label.text), ...stemsOf(label.name)]),
    ])
    this.#add({ ...place, own: keys, group: `rows ${path}` })
    for (const { name, quantity } of figures) {
      const own = stemsOf(name)
      const statistic = statisticIn(name) ?? 'plain'
      this.#add({
        ...place,
        quantity,
        statistic,
        own: new Set(own),
        lead: keys,
        modality: planOf(own),
        group: `column ${path} ${name}`,
      })
    }
  }

  #entry(line: Line, { depth, item, name, text }: Entry): void {
    const kept = this.#path.filter(step => step.depth < depth)
    if (kept.length < this.#path.length || item)
      this.#siblings = item ? [] : this.#siblings.filter(() => kept.length === this.#path.length)
    this.#path = kept
    if (text === '' || text === '{' || text === '[') {
      this.#path = [...kept, { depth, name }]
      this.#siblings = []
      return
    }
    const quantity = figureOf(text, name)
    if (quantity === undefined && /\d/.test(text) && /\p{L} .*\d/u.test(text)) {
      const from = line.text.length - line.text.trimStart().length
      this.#sentence(line.text.trim(), line.start + from, 'sentence')
      return
    }
    if (quantity === undefined) {
      this.#siblings = [...this.#siblings.filter(label => label.name !== name), { name, text }]
      return
    }
    const path = this.#path.map(step => step.name)
    const own = stemsOf(name)
    const labels = [...path.map(step => ({ name: 'path', text: step })), ...this.#siblings]
    const lead = line.text.length - line.text.trimStart().length
    this.#add({
      start: line.start + lead,
      end: line.end,
      form: 'entry',
      quantity,
      statistic: statisticIn(name) ?? 'plain',
      modality: planOf([...own, ...path.flatMap(stemsOf)]),
      own: new Set(own),
      lead: new Set(labels.flatMap(label => stemsOf(label.text))),
      labels,
      group: `entry ${path.join('.')}.${name}`,
    })
  }
}
