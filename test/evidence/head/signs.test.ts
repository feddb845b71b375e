/** What one text shows: its words in one form, numbers, names, negations and opposites. */
import { describe, expect, test } from 'vitest'
import { bucketOf, rarityIn, rarityTable } from '../../../src/evidence/head/rarity.ts'
import { signsOf } from '../../../src/evidence/head/signs.ts'
import { piecesOf, stemOf } from '../../../src/evidence/head/stem.ts'

const signs = (text: string) => signsOf(text, () => 1)

describe('stemOf', () => {
  test.each([
    ['stopped', 'stopping'],
    ['increases', 'increased'],
    ['deployment', 'deployments'],
    ['close', 'closing'],
    ['retry', 'retries'],
    ['user', 'users'],
    ["server's", 'Server'],
  ])('%s and %s are one word', (a, b) => {
    expect(stemOf(a)).toBe(stemOf(b))
  })

  test('short words and words on ss stay', () => {
    expect(['gas', 'loss', 'pass', 'as'].map(stemOf)).toEqual(['gas', 'loss', 'pass', 'as'])
  })
})

describe('piecesOf', () => {
  test('words and numbers with their places', () => {
    expect(piecesOf("p95 isn't 1,200.5 ms")).toEqual([
      { text: 'p', start: 0 },
      { text: '95', start: 1 },
      { text: "isn't", start: 4 },
      { text: '1,200.5', start: 10 },
      { text: 'ms', start: 18 },
    ])
  })

  test('a text without words has none, a very long one has 400', () => {
    expect(piecesOf(' … !')).toEqual([])
    expect(piecesOf('word '.repeat(5000))).toHaveLength(400)
  })
})

describe('signsOf', () => {
  test('numbers in one form, written ones too', () => {
    expect([...signs('1,200 users and three of 5.0').numbers]).toEqual(['1200', '3', '5'])
  })

  test('names are capitals that begin no sentence', () => {
    expect([...signs('Later Berlin grew. Nobody left NASA').names]).toEqual(['berlin', 'nasa'])
  })

  test('a negation reaches to the end of its clause', () => {
    const { negations, words } = signs('The cache does not serve users; requests pass')
    expect(negations).toBe(1)
    expect(words.get(stemOf('users'))?.negated).toBe(true)
    expect(words.get(stemOf('requests'))?.negated).toBe(false)
  })

  test('directions, doubts, hedges and plans are counted', () => {
    const { doubts, down, hedges, plans, up } = signs('It may increase, will decline and is a myth')
    expect({ doubts, down, hedges, plans, up }).toEqual({ doubts: 1, down: 1, hedges: 1, plans: 1, up: 1 })
  })

  test('opposites stand on the two sides of one pair', () => {
    const enabled = [...signs('it is enabled').sides.keys()]
    const disabled = [...signs('it is disabled').sides.keys()]
    expect(enabled.some(side => disabled.includes(side ^ 1))).toBe(true)
    expect(enabled.some(side => disabled.includes(side))).toBe(false)
  })
})

describe('rarities', () => {
  test('a word of every text is 0, one of none is 1, one of few lies between', () => {
    const texts = [new Set(['the', 'cache']), new Set(['the', 'queue']), new Set(['the', 'disk'])]
    const rarity = rarityIn(rarityTable(texts, 1024))
    expect(rarity('the')).toBe(0)
    expect(rarity('unheard')).toBe(1)
    expect(rarity('cache')).toBeCloseTo(0.5, 2)
  })

  test('buckets are those of FNV-1a', () => {
    // 0xe40c292c is the published 32-bit FNV-1a of "a".
    expect(bucketOf('a', 2 ** 31)).toBe(0xe40c292c % 2 ** 31)
    expect(bucketOf('', 1000)).toBe(0x811c9dc5 % 1000)
  })
})
