/** What the safety check marks in a source, and above all what it leaves alone. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anchorScan } from '../../../src/evidence/validation/safety/anchors.ts'
import { Scanner } from '../../../src/evidence/validation/safety/scan.ts'
import { marked, unmarked } from './marked.ts'

const scanner = new Scanner()

function marksOf(text: string, partLength = Math.max(1, text.length)) {
  const passage = scanner.over(text)
  for (let from = 0; from < text.length; from += partLength)
    passage.read(from, Math.min(text.length, from + partLength))
  return passage.marks()
}

describe('Scanner', () => {
  test.each(marked)('marks as %s: %j', (kind, text, part = '') => {
    const { marks } = marksOf(text)
    expect(marks.map(mark => mark.kind)).toContain(kind)
    const mark = marks.find(found => found.kind === kind)!
    expect(mark.end).toBeGreaterThan(mark.start)
    expect(text.slice(mark.start, mark.end)).toContain(part)
  })

  test.each(unmarked)('leaves alone: %j', text => {
    const { marks, more } = marksOf(text)
    expect(marks.map(({ end, start, what }) => [what, text.slice(start, end)])).toEqual([])
    expect(more).toBe(0)
  })

  test('finds each in the middle of a log, at the same place', () => {
    const line = '2026-04-09T14:31:07Z INFO gateway took 12 ms\n'
    for (const [kind, text] of marked) {
      const [alone] = marksOf(`\n\n${text}\n`).marks.filter(mark => mark.kind === kind)
      const [among] = marksOf(`${line}\n\n${text}\n${line}`).marks.filter(mark => mark.kind === kind)
      expect(among?.start).toBe((alone?.start ?? 0) + line.length)
      expect(among?.end).toBe((alone?.end ?? 0) + line.length)
    }
  })

  test('finds the same in parts of any length as at once', () => {
    const text = marked.map(([, each]) => each).join('\n')
    const whole = marksOf(text)
    expect(whole.marks.length).toBeGreaterThan(40)
    for (const length of [1, 7, 64, 1000]) expect(marksOf(text, length)).toEqual(whole)
  })

  test('gives marks of any text in order, inside it, not overlapping in their family', () => {
    const parts = [...marked.map(([, text]) => text), ...unmarked, ' ', '\n', '\u200b', '\ud83c', '“']
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 12 }), pieces => {
        const text = pieces.join('')
        const ends = { secret: 0, other: 0 }
        for (const { end, kind, start } of marksOf(text).marks) {
          const family = kind === 'secret' ? 'secret' : 'other'
          expect(start).toBeGreaterThanOrEqual(ends[family])
          expect(end).toBeGreaterThan(start)
          expect(end).toBeLessThanOrEqual(text.length)
          ends[family] = end
        }
      }),
    )
  })

  test('keeps a bounded number of marks and counts the rest', () => {
    const { marks, more } = marksOf('<|im_start|> '.repeat(3000))
    expect(marks).toHaveLength(1000)
    expect(more).toBe(2000)
  })

  // Were any rule's time more than linear, one of these would take minutes and run into the test's limit.
  test.each([
    ...[
      'eyJ',
      'eyJa.',
      'ignore all the ',
      'ignore ',
      'password: ',
      'password=a.',
      '://',
      '://a:',
      '![a',
      '![',
    ],
    ...[
      '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n',
      'ignore          ',
      '<!--',
      '<!-- ai ',
      '[//]: # ',
    ],
    ...['show your ', 'send your ', 'say the ', 'ai ', 'if you are an ai a a a a ', 'a\u200b', '\u{e0041}'],
    ...['bearer ', 'ghp_', 'the secret is ', '<img ', '<img src=', '<system_prompt ', 'action: ', '<|a', ' '],
    ...[
      'authorization: basic ',
      '"name": "a", "arguments" ',
      '\n\nhuman:',
      '"role":',
      'if you are an ',
      '\u202e',
    ],
    ...['from now on you must ', 'mark this claim ', 'sig=', '](', '\u{1f3f4}\u{e0067}', 'a1b2'],
  ])('gets through 300 KB of %j', piece => {
    const text = piece.repeat(Math.ceil(300_000 / piece.length))
    expect(marksOf(text).marks.length).toBeLessThanOrEqual(1000)
  })
})

describe('anchorScan()', () => {
  test('finds every anchor wherever it stands, in either case and over any white space', () => {
    const anchors = ['a', 'ab', 'bab', 'abab c', 'c ', ' b', 'ca']
    const scan = anchorScan(anchors)
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'abABcC \n\té\u200b') }), fc.nat(20), (text, cut) => {
        const found: string[] = []
        const see = (anchor: number, start: number) => found.push(`${start} ${anchors[anchor]}`)
        const at = Math.min(cut, text.length)
        scan(text, 0, at, see, () => {})
        scan(text, at, text.length, see, () => {})
        const folded = text.toLowerCase().replace(/\s/g, ' ')
        const wanted = anchors.flatMap(anchor =>
          Array.from(folded, (_, start) => start)
            .filter(start => folded.startsWith(anchor, start))
            .map(start => `${start} ${anchor}`),
        )
        expect(found.toSorted()).toEqual(wanted.toSorted())
      }),
    )
  })

  test('tells of every character that is not to be seen', () => {
    const seen: number[] = []
    const text = 'a\u200b\u200d\u200e\u202e\u2069é\ufeff\u{e0041}\u{1f3f4}'
    anchorScan(['x'])(
      text,
      0,
      text.length,
      () => {},
      (_unit, index) => seen.push(index),
    )
    expect(seen).toEqual([1, 2, 4, 5, 7, 8])
  })
})
