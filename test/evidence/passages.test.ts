/** The laws of passages: exact offsets, nothing lost, nothing too long, and what is kept together or apart. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitPassages, tabulate } from '../../src/evidence/passages.ts'
import { termsIn, termsOf } from '../../src/evidence/terms.ts'

const textsOf = (content: string): string[] =>
  splitPassages(content).map(({ start, end }) => content.slice(start, end))

const offsetsOf = (content: string): number[][] =>
  splitPassages(content).map(({ start, end }) => [start, end])

const ends = ['\n', '\r\n', '\r', '\u2028', '\u2029', '\n\n', '\n  \n']
const words = [
  'the',
  'Gate',
  'was',
  'opened',
  'at',
  '13:42:24.',
  'ERROR',
  'Why?',
  '0.84',
  's,',
  'payments-auth',
  '…',
  '—',
  '🔋',
  '👩‍🚒',
  '网关重试了两百次。',
  '租约',
  'é',
  'e\u0301',
  '\0',
  '\ufeff',
  '\ud83d',
  '\udd0b',
  '{"a":',
  '1}',
  '|',
  ';',
  '\t',
  '  ',
  '(',
  'x'.repeat(300),
  '长'.repeat(900),
  '🔋'.repeat(500),
]
const line = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map(parts => parts.join(' '))
const written = fc
  .array(fc.tuple(line, fc.constantFrom(...ends)), { maxLength: 12 })
  .map(lines => lines.flat().join(''))
const content = fc.oneof(
  written,
  fc.string({ unit: 'binary', maxLength: 2000 }),
  // Any code units at all, lone surrogates among them.
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 1500 })
    .map(units => String.fromCharCode(...units)),
)
const hasLetterOrDigit = /[\p{L}\p{N}]/u
const isPair = (text: string, index: number): boolean =>
  /[\ud800-\udbff]/.test(text.charAt(index - 1)) && /[\udc00-\udfff]/.test(text.charAt(index))

describe('splitPassages()', () => {
  test('gives passages in order that are trimmed, never blank, never overlap, never longer than 800', () => {
    fc.assert(
      fc.property(content, text => {
        let last = 0
        for (const { start, end } of splitPassages(text)) {
          expect(start).toBeGreaterThanOrEqual(last)
          expect(end).toBeGreaterThan(start)
          expect(end - start).toBeLessThanOrEqual(800)
          expect(end).toBeLessThanOrEqual(text.length)
          const passage = text.slice(start, end)
          expect(passage).toBe(passage.trim())
          last = end
        }
      }),
      { numRuns: 300 },
    )
  })

  test('loses no letter and no digit, and never cuts a surrogate pair in two', () => {
    fc.assert(
      fc.property(content, text => {
        let outside = ''
        let last = 0
        for (const { start, end } of splitPassages(text)) {
          expect(isPair(text, start)).toBe(false)
          expect(isPair(text, end)).toBe(false)
          outside += `${text.slice(last, start)}\n`
          last = end
        }
        expect(outside + text.slice(last)).not.toMatch(hasLetterOrDigit)
      }),
      { numRuns: 300 },
    )
  })

  test('cuts the same whichever character ends the lines', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.constantFrom('\r', '\u2028', '\u2029'),
        (lines, end) => {
          const plain = lines.join('\n')
          // The same length, so the offsets must be the same too.
          expect(offsetsOf(plain.replaceAll('\n', end))).toEqual(offsetsOf(plain))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('cuts the same with CRLF, but for the characters in between', () => {
    const lines = 'aisle;sensor;value\r\nC;T-124;-186\r\n\r\nThe logger writes tenths of a degree.\r\n'
    expect(textsOf(lines)).toEqual([
      'aisle;sensor;value',
      'C;T-124;-186',
      'The logger writes tenths of a degree.',
    ])
    expect(textsOf(lines.replaceAll('\r\n', '\n'))).toEqual(textsOf(lines))
  })

  test('joins prose that was wrapped, and cuts it into sentences again', () => {
    const wrapped =
      'The room planner keeps free slots in a cache, and the cache had been\n' +
      'enlarged in January. It seemed obvious that stale entries were being\n' +
      'handed out, so the cache was switched off.\n\nA new paragraph stands alone here.'
    expect(textsOf(wrapped)).toEqual([
      'The room planner keeps free slots in a cache, and the cache had been\nenlarged in January.',
      'It seemed obvious that stale entries were being\nhanded out, so the cache was switched off.',
      'A new paragraph stands alone here.',
    ])
  })

  test('leaves log lines and table rows alone, and puts short lines of JSON together', () => {
    expect(textsOf('12:00 INFO started\n12:01 WARN slow\n')).toHaveLength(1)
    const log = '2026-06-03T13:42:24Z INFO  [gateway] started\n2026-06-03T13:42:25Z WARN  [gateway] slow\n'
    expect(textsOf(log)).toEqual(log.trim().split('\n'))
    expect(textsOf('a;b\n1;2\n3;4')).toEqual(['a;b', '1;2', '3;4'])
    expect(textsOf('day | sent\n----+-----\n 27 | 17')).toEqual(['day | sent', '27 | 17'])
    expect(textsOf('a,b\n1,2')).toEqual(['a,b', '1,2'])
    expect(textsOf('Figures\na;b\nend')).toEqual(['Figures', 'a;b', 'end'])
    expect(textsOf('{\n  "name": "tiles",\n  "zone": "north"\n}')).toEqual([
      '"name": "tiles",\n  "zone": "north"',
    ])
  })

  test('never joins across a blank line', () => {
    expect(textsOf('short\n\nlines')).toEqual(['short', 'lines'])
    expect(textsOf('short\r\rlines')).toEqual(['short', 'lines'])
    expect(textsOf('short\r\n \r\nlines')).toEqual(['short', 'lines'])
  })

  test('cuts Chinese text at its full stops, and where there are none before 800 characters', () => {
    const sentence = '这个节点的时钟比其他节点快了四十一秒,所以它把会议室又分配了一次。'
    expect(textsOf(sentence.repeat(10))).toEqual(new Array(10).fill(sentence))
    expect(textsOf('长'.repeat(2000)).map(text => text.length)).toEqual([800, 800, 400])
  })

  test('reads lines of symbols that say something, and passes over those that do not', () => {
    expect(textsOf('✅\n\n====\n\n🔋 ok\n\n***\n')).toEqual(['✅', '🔋 ok'])
    for (const nothing of ['', ' ', '\n\r\n\u2028', '---', '\0\0']) expect(textsOf(nothing)).toEqual([])
  })
})

describe('tabulate()', () => {
  test('sets the bit of a term in exactly the passages that hold it', () => {
    fc.assert(
      fc.property(
        content,
        fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 8 }),
        (text, asked) => {
          const terms = termsOf(asked.join(' '))
          const { offsets, masks } = tabulate(text, terms)
          expect(masks).toHaveLength(offsets.length)
          const spans = splitPassages(text)
          expect([...offsets]).toEqual(spans.flatMap(({ start, end }) => [start, end]))
          for (const [index, { start, end }] of spans.entries()) {
            // A word that a cut goes through belongs to neither side; look only at passages without one.
            if (text.slice(start - 1, start).trim() !== '' || text.slice(end, end + 1).trim() !== '') continue
            const held = new Set(termsIn(text.slice(start, end)))
            for (const [bit, term] of terms.entries()) {
              const set = ((masks[index * 2 + (bit >> 5)] as number) & (1 << (bit & 31))) !== 0
              expect(set).toBe(held.has(term.text))
            }
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  test('notes all 64 terms of a long claim', () => {
    const claim = Array.from(
      { length: 70 },
      (_, index) => `w${String.fromCharCode(97 + (index % 26), 97 + Math.floor(index / 26))}`,
    )
    const terms = termsOf(claim.join(' '))
    expect(terms).toHaveLength(64)
    const { masks } = tabulate(terms.map(({ text }) => text).join(' '), terms)
    const all = [...masks].reduce((bits, mask) => bits + mask.toString(2).replaceAll('0', '').length, 0)
    expect(all).toBe(64)
  })

  test('without terms gives offsets and empty masks', () => {
    expect([...tabulate('The gate.', []).masks]).toEqual([0, 0])
  })
})
