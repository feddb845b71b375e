/**
 * Money in 1e-9 USD, a safe integer, so that sums are exact: 0.0021 USD is 2,100,000. Dollars and cents are for
 * the edges, where people write and read them.
 */
import { InputError } from './errors.ts'

const perUsd = 1e9
const perCent = 1e7

/**
 * Dollars as nano-USD, rounded up.
 * @throws InputError ER_INPUT for what is negative, not a number or too much for a safe integer.
 */
export const nanoUsdOf = (usd: number): number => nanoOf(usd, perUsd, 'USD')

/** Cents as nano-USD, rounded up. @throws as `nanoUsdOf`. */
export const nanoUsdOfCents = (cents: number): number => nanoOf(cents, perCent, 'cents')

/** Nano-USD for people, with as many digits as it takes: `$0.0021`. */
export function usdText(nanoUsd: number): string {
  const part = String(nanoUsd % perUsd).padStart(9, '0')
  return `$${Math.floor(nanoUsd / perUsd)}.${part.replace(/0+$/, '').padEnd(2, '0')}`
}

function nanoOf(amount: number, per: number, name: string): number {
  const exact = amount * per
  // 0.0021 is a little more in binary than in decimals: what multiplying blurs is not rounded up to the next.
  const blur = Math.min(0.5, exact * 4 * Number.EPSILON)
  const nano = Math.ceil(exact - blur)
  if (amount >= 0 && Number.isSafeInteger(nano)) return nano
  throw new InputError(
    'ER_INPUT',
    `${amount} ${name} is not an amount from 0 to ${Number.MAX_SAFE_INTEGER / per}`,
  )
}
