/** The prose of an analysis as it comes: the same wherever the JSON is cut, and never taken back. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnalysisReader } from '../../../src/evidence/written/analysis-reader.ts'
import { proseOf } from '../../../src/evidence/written/prose.ts'
import type { WrittenAnalysis } from '../../../src/evidence/written/schema.ts'

const analysis: WrittenAnalysis = {
  points: [
    { passage: 2, stance: 'supports', says: 'The gate was “open” at 14:05 🔋.' },
    { passage: 1, stance: 'neutral', says: ' A "quote", a \\ and\na\tbreak ' },
  ],
  conclusion: 'The claim is supported.',
}
const prose = 'The gate was “open” at 14:05 🔋. [2]\nA "quote", a \\ and a break [1]\nThe claim is supported.'

function readAll(deltas: readonly string[]): string {
  const reader = new AnalysisReader()
  let all = ''
  for (const delta of deltas) {
    all += reader.read(delta)
    expect(reader.text).toBe(all)
  }
  return all
}

/** JSON with every unit above ASCII, and some below, as an escape. */
const escaped = (text: string): string =>
  text.replace(/[^ -~\n]|\//g, unit =>
    unit === '/'
      ? '\\/'
      : [...Array(unit.length).keys()]
          .map(index => `\\u${unit.charCodeAt(index).toString(16).padStart(4, '0')}`)
          .join(''),
  )

describe('AnalysisReader', () => {
  test('gives the texts with marks and line breaks', () => {
    expect(readAll([JSON.stringify(analysis)])).toBe(prose)
    expect(proseOf(analysis)).toBe(prose)
  })

  test('gives a text while it is being written, and the mark when it is done', () => {
    const reader = new AnalysisReader()
    expect(reader.read('{"points":[{"passage":3,"stance":"supports","says":"The ga')).toBe('The ga')
    expect(reader.read('te is')).toBe('te is')
    expect(reader.read(' \\u00e')).toBe('')
    expect(reader.read('9"')).toBe(' é [3]')
    expect(reader.read('}],"conclusion":"So')).toBe('\nSo')
  })

  test('gives no half of a character', () => {
    const reader = new AnalysisReader()
    expect(reader.read('{"conclusion":"a\ud83d')).toBe('a')
    expect(reader.read('\udd0b\\ud83d')).toBe('🔋')
    expect(reader.read('\\udd0b\\ud83dx\\udd0b\\ud83d"')).toBe('🔋\ufffdx\ufffd\ufffd')
  })

  test('puts no mark where the text has it', () => {
    const marked = { ...analysis, points: [{ passage: 2, stance: 'neutral', says: 'As [2] says.' } as const] }
    expect(readAll([JSON.stringify(marked)])).toBe('As [2] says.\nThe claim is supported.')
  })

  test('shows nothing of keys and other values, whatever they hold', () => {
    const odd =
      '{"says":{"says":["says","conclusion"]},"stance":"says","x":[true,null,-1.5e3],"conclusion":"end"}'
    expect(readAll([odd])).toBe('end')
    expect(readAll(['{"s\\u0061ys":"spelled otherwise"}'])).toBe('spelled otherwise')
  })

  test('begins anew after restart(), also in the middle of everything', () => {
    const text = JSON.stringify(analysis)
    for (let cut = 0; cut < text.length; cut += 1) {
      const reader = new AnalysisReader()
      reader.read(text.slice(0, cut))
      reader.restart()
      expect(reader.text).toBe('')
      expect(reader.read(text)).toBe(prose)
    }
  })

  test('forgets the passage at restart(), and ends a line that nobody ended', () => {
    const reader = new AnalysisReader()
    reader.read('{"points":[{"passage":3,')
    reader.restart()
    expect(reader.read('{"points":[{"says":"x","passage":4}]}')).toBe('x [4]')
    expect(readAll(['{"says":"a","conclusion":"b"}'])).toBe('a\nb')
  })

  test('says nothing more once the JSON is broken', () => {
    expect(readAll(['{"conclusion":"a\\x and more"}'])).toBe('a')
    expect(readAll(['{"conclusion":"a"]', '{"conclusion":"b"}'])).toBe('a')
    expect(readAll(['[['.repeat(20), '{"conclusion":"b"}'])).toBe('')
    expect(readAll(['Sure! {"conclusion":"b"}'])).toBe('')
  })

  test('shows no control character and nothing that turns text around', () => {
    const says = 'a\u001b[31m\u0000b\u202ec\u200bd\u0085e\ufefff\u2028g'
    expect(readAll([JSON.stringify({ conclusion: says })])).toBe('a [31m b c d e f g')
  })

  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom('"', '\\', ' ', '\n', '🔋', '\ud83d', '\udd0b', 'é', '/', 'a', '[2]', '\u202e'),
    }),
  )
  const analyses = fc.record({
    points: fc.array(
      fc.record({
        passage: fc.integer({ min: 1, max: 120 }),
        stance: fc.constantFrom('supports' as const, 'refutes' as const, 'neutral' as const),
        says: text,
      }),
      { maxLength: 4 },
    ),
    conclusion: text,
  })
  const cuts = fc.array(fc.nat(), { maxLength: 12 })

  test('comes to the same prose wherever the JSON is cut, escaped or not, in whichever order', () => {
    fc.assert(
      fc.property(
        analyses,
        cuts,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0, 2),
        (written, at, everyUnit, late, space) => {
          const points = written.points.map(({ passage, says, stance }) =>
            late ? { says, stance, passage } : { passage, stance, says },
          )
          const plain = JSON.stringify({ points, conclusion: written.conclusion }, null, space)
          const json = everyUnit ? escaped(plain) : plain
          expect(JSON.parse(json)).toEqual({ points, conclusion: written.conclusion })
          const places = [0, ...at.map(place => place % (json.length + 1)), json.length].sort((a, b) => a - b)
          const deltas = places.slice(1).map((place, index) => json.slice(places[index], place))
          expect(readAll(deltas)).toBe(proseOf(written))
          expect(readAll([...json].flatMap(one => one.split('')))).toBe(proseOf(written))
        },
      ),
    )
  })

  test('throws at nothing, and gives whole characters only', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(text, fc.constantFrom('{', '}', '[', ']', '"says":', '"', ',', '1', 'tru'))),
        parts => {
          expect(readAll(parts).isWellFormed()).toBe(true)
        },
      ),
    )
  })
})
