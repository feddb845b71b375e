/** Which claims stand or fall with a figure, so that likeness of words must not decide them. */
import { describe, expect, test } from 'vitest'
import { statesFigure } from '../../../src/evidence/facts/states.ts'

describe('statesFigure()', () => {
  test.each([
    'The p99 of search is below 900 ms.',
    'Three pods restarted.',
    'The migration ended on 3 June.',
    'The gateway runs version 4.2.',
    'Memory use doubled.',
    'Search had the fewest errors.',
  ])('is true of %j', claim => {
    expect(statesFigure(claim)).toBe(true)
  })

  test.each([
    'The bucket is encrypted with a key of the customer.',
    'The gateway writes tokens to its log.',
    'COVID-19 spread through droplets.',
    'The team dealt with the bad release by rolling it back.',
  ])('is false of %j', claim => {
    expect(statesFigure(claim)).toBe(false)
  })
})
