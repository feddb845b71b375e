/**
 * Texts, numbers and fixed values of a JSON Schema, each with an end: the most characters, the finest step.
 * Lists and objects are put together in bounded-schema.ts.
 */
import type * as z from 'zod'
import { errorOf, type RunnerError } from '../core/errors.ts'

/** A JSON Schema, or a part of one. */
export type Node = z.core.JSONSchema.BaseSchema

/** Ends for what a schema itself leaves open. */
export type Bounds = {
  /** Characters of a text. */
  readonly mostCharacters: number
  /** Items of a list beside those of fixed places, keys of a record. */
  readonly mostItems: number
}

/** A schema with an end, and how long its longest JSON can be, in characters. */
export type Bounded = { readonly node: Node; readonly longest: number }

/** ASCII, where a pattern means the same in JavaScript and in the grammar's regular expressions. */
const ascii = '^[ -~]*$'
/** Line ends, tabs and what is one UTF-16 unit, so that zod and the grammar count alike. */
const unit = '[\\t\\n -~\\u00a0-\\uffff]'
/** Our own end is never nearer for a text of a pattern, whose shortest may be long. */
const leastOfPattern = 256
/** Characters of a key, at most, unless its schema says so. */
const mostOfKey = 64

type Format = { readonly pattern?: string; readonly longest: number }

/** How long a format's texts are at most; a pattern where it has none, or one that looks ahead. */
const formats: Readonly<Record<string, Format>> = {
  email: {
    pattern: '^[a-z0-9_]{1,24}(\\.[a-z0-9_]{1,24})?@([a-z0-9]{1,24}\\.){1,2}[a-z]{2,12}$',
    longest: 112,
  },
  uri: { pattern: '^https?://([a-z0-9]{1,32}\\.){1,3}[a-z]{2,12}(/[A-Za-z0-9._~/-]{0,160})?$', longest: 280 },
  'date-time': { longest: 40 },
  date: { longest: 10 },
  uuid: { longest: 36 },
  ipv4: { longest: 15 },
  ipv6: { longest: 39 },
}

/** Decimal places of a number whose step its schema leaves open, unless its range needs more. */
const usualPlaces = 6
/** Significant digits that a double keeps apart. */
const digits = 15
/** The finest step that the grammar's compiler takes. */
const mostPlaces = 10
/** Numbers without a bound lie within; bounds beyond `farthest` count as none. */
const usualLimit = 1e9
const farthest = 1e15

/** The error that names what of a schema can't be held to a grammar. */
export const refusal = (at: string, why: string): RunnerError =>
  errorOf('ER_INPUT', `The schema${at === '' ? '' : ` at ${at.replace(/^\./, '')}`} ${why}`)

/** One of some fixed values. */
export function oneOf(values: readonly NonNullable<Node['enum']>[number][]): Bounded {
  const [first] = values
  return {
    node: values.length === 1 && first !== undefined ? { const: first } : { enum: [...values] },
    longest: Math.max(0, ...values.map(widthOf)),
  }
}

/** What a grammar may write with six characters where JSON.stringify has fewer. */
const control = /\\[bfnrt]|\u007f/g

/** Characters of a fixed value's JSON; numbers are written out without an exponent. */
export function widthOf(value: unknown): number {
  if (typeof value !== 'number') return JSON.stringify(value).replace(control, '\\u0000').length
  const [mantissa = '', exponent] = String(value).split('e')
  return mantissa.length + (exponent === undefined ? 0 : Math.abs(Number(exponent)) + 1)
}

/** @throws InputError ER_INPUT where its pattern or format is beyond a grammar. */
export function boundString(node: Node, at: string, bounds: Bounds): Bounded {
  const { minLength = 0, format = '' } = node
  const known = Object.hasOwn(formats, format) ? formats[format] : undefined
  const given = [node, ...(node.allOf ?? [])].flatMap(({ pattern }) =>
    pattern === undefined ? [] : [pattern],
  )
  const patterns = known?.pattern === undefined ? given : [known.pattern, ...given.filter(isSayable)]
  if (patterns.length === 0 && (format !== '' || node.contentEncoding !== undefined))
    throw refusal(at, `has the format ${format || node.contentEncoding}, which a grammar can't say`)
  for (const pattern of patterns)
    if (!isSayable(pattern))
      throw refusal(at, `has the pattern ${pattern}, which looks around or back; a grammar can't`)
  const usual = Math.max(bounds.mostCharacters, given.length > 0 ? leastOfPattern : 0)
  const most = node.maxLength ?? Math.max(minLength, known?.longest ?? usual)
  const limits = { ...(minLength > 0 ? { minLength } : {}), maxLength: most }
  const plain = patterns.length > 0 && patterns.every(isAscii)
  // A text whose end is ours alone may hold any character: nobody counts its units.
  if (patterns.length > 0 || node.maxLength !== undefined) patterns.push(plain ? ascii : `^${unit}*$`)
  const [only] = patterns
  return {
    node: {
      type: 'string',
      ...limits,
      ...(patterns.length > 1 ? { allOf: patterns.map(pattern => ({ pattern })) } : {}),
      ...(patterns.length === 1 && only !== undefined ? { pattern: only } : {}),
    },
    // Quotes, backslashes, line ends and tabs are written with two characters, nothing with more.
    longest: 2 + 2 * most,
  }
}

/** The pattern of a record's keys, and the width of the longest. */
export function keyPattern(names: Node, at: string, bounds: Bounds): { pattern: string; longest: number } {
  if (names.type !== 'string' || names.pattern !== undefined || names.allOf !== undefined || names.format)
    throw refusal(at, 'has keys of a pattern; name them, or let them be any text')
  const least = names.minLength ?? 1
  const most = names.maxLength ?? Math.max(least, Math.min(mostOfKey, bounds.mostCharacters))
  return { pattern: `^${unit}{${least},${most}}$`, longest: 2 + 2 * most }
}

/** Groups that look ahead or behind, and references back to a group. */
const isSayable = (pattern: string): boolean => !/\(\?(?:[=!]|<[=!])|\\[1-9]|\\k</.test(pattern)
const isAscii = (pattern: string): boolean => /^[ -~]*$/.test(pattern) && !/\\[uxpPc]/.test(pattern)

/** @throws InputError ER_INPUT where no number lies between its bounds. */
export function boundNumber(node: Node, at: string): Bounded {
  const whole = node.type === 'integer'
  const low = Math.max(node.minimum ?? -Infinity, Number(node.exclusiveMinimum ?? -Infinity))
  const high = Math.min(node.maximum ?? Infinity, Number(node.exclusiveMaximum ?? Infinity))
  const usual = whole || Math.max(low, -high) >= usualLimit ? farthest : usualLimit
  const minimum = low < -farthest ? -usual : low
  const maximum = high > farthest ? usual : high
  const open = [node.exclusiveMinimum === minimum, node.exclusiveMaximum === maximum]
  if (minimum > maximum || (minimum === maximum && open.includes(true)))
    throw refusal(at, `admits no number within ${-farthest} and ${farthest}`)
  if (minimum === maximum) return oneOf([minimum])
  const reach = Math.max(Math.abs(minimum), Math.abs(maximum))
  const before = Math.max(1, Math.floor(Math.log10(reach)) + 1)
  const step = node.multipleOf ?? (whole ? undefined : Number(`1e-${placesOf(maximum - minimum, before)}`))
  const after = step === undefined ? 0 : decimalsOf(step)
  if (after > mostPlaces)
    throw refusal(at, `has steps of ${step}; a grammar has ${mostPlaces} decimals at most`)
  return {
    node: {
      type: whole ? 'integer' : 'number',
      minimum,
      maximum,
      ...(open[0] ? { exclusiveMinimum: minimum } : {}),
      ...(open[1] ? { exclusiveMaximum: maximum } : {}),
      ...(step === undefined ? {} : { multipleOf: step }),
    },
    longest: (minimum < 0 ? 1 : 0) + before + (after > 0 ? 1 + after : 0),
  }
}

/** Decimals that tell at least a thousand numbers of the range apart, and no two that a double can't. */
function placesOf(range: number, before: number): number {
  const wanted = Math.max(usualPlaces, 3 - Math.floor(Math.log10(range)))
  return Math.max(0, Math.min(wanted, digits - before, mostPlaces))
}

function decimalsOf(step: number): number {
  const [mantissa = '', exponent = '0'] = String(step).split('e')
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent))
}
