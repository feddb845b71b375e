/**
 * What every door checks before a call comes in, and how it says no: tokens compared in constant time, the
 * Host and Origin of a request, limits on sizes and counts, and an error as the far side is told of it.
 *
 * Knows no SDK and writes nothing: what is given to it, a token above all, is in no message that it makes.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type ErrorCode, InputError, RunnerError } from '../core/errors.ts'

/** Where a door listens that only this machine can reach; also what a Host header may say there. */
export const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '::1']

/** Each limit of a door: what it holds for unless the operator says otherwise, and what it counts. */
export const doorLimits = {
  /** Bytes of one request or message. Under the 10 MB that the MCP SDK buffers of a stdio message. */
  requestBytes: 8 * 1024 * 1024,
  /** Claims of one call of many. */
  claims: 100,
  /** Texts of one call to embed. */
  texts: 1000,
  /** Calls at work at once. The pool's own queue stands behind it. */
  concurrency: 32,
  /** Calls that wait for their turn; the next is told when to come back. */
  waiting: 256,
} as const

/** A name in the table of limits. */
export type DoorLimit = keyof typeof doorLimits
/** The limits of one door, each with its value. */
export type DoorLimits = Readonly<Record<DoorLimit, number>>

/**
 * The limits of a door: those given, the table's for the rest.
 * @throws InputError ER_CONFIG for one that is not a whole number from 1 (from 0 for `waiting`).
 */
export function doorLimitsOf(
  given: Partial<Readonly<Record<DoorLimit, number | undefined>>> = {},
): DoorLimits {
  const limit = (name: DoorLimit): number => {
    const value = given[name] ?? doorLimits[name]
    const least = name === 'waiting' ? 0 : 1
    if (Number.isSafeInteger(value) && value >= least) return value
    throw new InputError('ER_CONFIG', `${name} must be a whole number from ${least}`)
  }
  return {
    requestBytes: limit('requestBytes'),
    claims: limit('claims'),
    texts: limit('texts'),
    concurrency: limit('concurrency'),
    waiting: limit('waiting'),
  }
}

/** Characters of a token at least: fewer can be tried out by whoever reaches the door. */
const leastToken = 16

/**
 * Refuses to open a door that others could reach without a token.
 * @throws InputError ER_CONFIG off loopback without a token, or for a token that is short or can't be sent.
 */
export function refuseOpenDoor(host: string, token: string | undefined): void {
  if (token === undefined) {
    if (isLoopback(host)) return
    throw new InputError(
      'ER_CONFIG',
      `Others can reach ${host}: give a token (--token-file FILE on the command line), or listen on 127.0.0.1`,
    )
  }
  if (token.length < leastToken || bearerOf(`Bearer ${token}`) !== token) {
    throw new InputError(
      'ER_CONFIG',
      `The token needs ${leastToken} characters or more, of letters, digits and -._~+/=`,
    )
  }
}

/** True where only this machine can reach what listens on `host`. */
export const isLoopback = (host: string): boolean =>
  loopbackHosts.includes(bare(host)) || /^127(?:\.\d{1,3}){3}$/.test(host)

/**
 * Whether the token that came is the one expected. Hashes of both are compared, so that the time taken tells
 * neither where they differ nor how long the expected one is. Nothing equals an empty expected token.
 */
export function sameToken(given: string | undefined, expected: string): boolean {
  const equal = timingSafeEqual(digest(given ?? ''), digest(expected))
  return equal && given !== undefined && expected !== ''
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The token of an Authorization header, or undefined where it brings none. */
export const bearerOf = (header: string | undefined): string | undefined =>
  /^Bearer +([\w.~+/=-]+) *$/i.exec(header ?? '')?.[1]

/**
 * Whether a Host header names one of `allowed`, against pages that let their own name point to this machine.
 * An allowed name without a port stands for any port.
 */
export function hostAllowed(host: string | undefined, allowed: readonly string[]): boolean {
  const given = placeOf(host ?? '')
  return given !== undefined && allowed.some(name => matches(given, placeOf(name)))
}

/**
 * Whether a request with this Origin may come in. Only browsers send one: without it there is nothing to
 * refuse. `allowed` names hosts as above, or whole origins with their scheme.
 */
export function originAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined) return true
  const given = /^(https?):\/\/([^/]+)$/i.exec(origin)
  const place = placeOf(given?.[2] ?? '')
  if (place === undefined) return false
  return allowed.some(name =>
    name.includes('://') ? name.toLowerCase() === origin.toLowerCase() : matches(place, placeOf(name)),
  )
}

type Place = { readonly name: string; readonly port: string | undefined }

const matches = (given: Place, allowed: Place | undefined): boolean =>
  allowed !== undefined &&
  given.name === allowed.name &&
  (allowed.port === undefined || allowed.port === given.port)

/** `name`, `name:port`, `[v6]` or `[v6]:port`, and an IPv6 address by itself; undefined for anything else. */
function placeOf(text: string): Place | undefined {
  if (/^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(text)) return { name: bare(text), port: undefined }
  const parts = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text)
  return parts === null ? undefined : { name: bare(parts[1] ?? ''), port: parts[2] }
}

const bare = (host: string): string => host.toLowerCase().replace(/^\[(.*)\]$/, '$1')

/** An error as a door tells it: enough to decide with, and nothing of this machine. */
export type ToolError = {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly retryAfterMs?: number
}

/**
 * Any thrown value as a door tells it. The text of what is not ours stays inside: it was written for whoever
 * runs this process and may name files or hosts.
 */
export function toolError(error: unknown): ToolError {
  if (!(error instanceof RunnerError)) {
    return { code: 'ER_MODEL_FAILED', message: 'It failed inside this service', retryable: false }
  }
  const { code, message, retryable, retryAfterMs } = error
  return { code, message, retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}
