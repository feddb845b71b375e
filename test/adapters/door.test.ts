/** What every door checks: tokens, hosts, origins and limits, and how a failure is told. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  bearerOf,
  doorLimits,
  doorLimitsOf,
  hostAllowed,
  isLoopback,
  loopbackHosts,
  originAllowed,
  refuseOpenDoor,
  sameToken,
  toolError,
} from '../../src/adapters/door.ts'
import { type ErrorCode, errorOf, errorRules, RunnerError } from '../../src/core/errors.ts'

const token = 'correct-horse-battery-staple'
const thrown = (work: () => void): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

test('a token is the expected one, whole, or it is not', () => {
  expect(sameToken(token, token)).toBe(true)
  for (const given of [undefined, '', token.slice(1), `${token} `, token.toUpperCase()])
    expect(sameToken(given, token)).toBe(false)
})

test('nothing equals an empty expected token', () => {
  expect(sameToken('', '')).toBe(false)
  expect(sameToken(undefined, '')).toBe(false)
})

test('two tokens are the same exactly when their texts are', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
      expect(sameToken(one, other)).toBe(one === other)
      expect(sameToken(one, one)).toBe(true)
    }),
    { seed: 8, numRuns: 200 },
  )
})

test('a bearer token is read from its header and from nothing else', () => {
  expect(bearerOf(`Bearer ${token}`)).toBe(token)
  expect(bearerOf(`bearer  ${token}`)).toBe(token)
  for (const header of [undefined, '', 'Bearer', 'Bearer ', `Basic ${token}`, token, `Bearer a b`])
    expect(bearerOf(header)).toBeUndefined()
})

test('a long header is read in no time that grows with its square', () => {
  expect(bearerOf(`Bearer ${' '.repeat(200_000)}!`)).toBeUndefined()
  expect(hostAllowed('a:'.repeat(100_000), loopbackHosts)).toBe(false)
  expect(hostAllowed(`${':'.repeat(100_000)}!`, loopbackHosts)).toBe(false)
})

test('a Host header names an allowed host, on any port unless one is named', () => {
  for (const host of ['localhost', 'LOCALHOST:80', '127.0.0.1:9000', '[::1]:3000', '[::1]'])
    expect(hostAllowed(host, loopbackHosts), host).toBe(true)
  expect(hostAllowed('evidence.test:443', ['evidence.test:443'])).toBe(true)
  expect(hostAllowed('evidence.test:444', ['evidence.test:443'])).toBe(false)
  expect(hostAllowed('evidence.test', ['evidence.test:443'])).toBe(false)
})

test('a Host header that only looks allowed is refused', () => {
  const wrong = [
    ...['', 'localhost.evil.test', 'evil.test', 'localhost@evil.test', 'evil.test/localhost'],
    ...['localhost:80:80', 'localhost ', 'localhost\\evil.test', 'localhost#', '[::1', '::ffff:127.0.0.1'],
  ]
  for (const host of wrong) expect(hostAllowed(host, loopbackHosts), host).toBe(false)
  expect(hostAllowed(undefined, loopbackHosts)).toBe(false)
})

test('without an Origin there is nothing to refuse; with one it has to be allowed', () => {
  expect(originAllowed(undefined, loopbackHosts)).toBe(true)
  for (const origin of ['http://localhost:5173', 'https://127.0.0.1', 'http://[::1]:80'])
    expect(originAllowed(origin, loopbackHosts), origin).toBe(true)
  const wrong = ['', 'null', 'http://evil.test', 'file://localhost', 'http://localhost@evil.test']
  for (const origin of [...wrong, 'http://localhost/', 'localhost', 'http://localhost.evil.test'])
    expect(originAllowed(origin, loopbackHosts), origin).toBe(false)
})

test('an allowed origin with a scheme stands for itself alone', () => {
  expect(originAllowed('https://app.test', ['https://app.test'])).toBe(true)
  expect(originAllowed('http://app.test', ['https://app.test'])).toBe(false)
  expect(originAllowed('https://app.test:444', ['https://app.test'])).toBe(false)
})

test('a door that others can reach needs a token that is worth trying for', () => {
  for (const host of [...loopbackHosts, '[::1]', '127.0.1.1']) {
    expect(isLoopback(host), host).toBe(true)
    expect(thrown(() => refuseOpenDoor(host, undefined))).toBeUndefined()
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'evidence.test', '127.evil.test', '']) {
    expect(isLoopback(host), host).toBe(false)
    expect(thrown(() => refuseOpenDoor(host, undefined))).toMatchObject({ code: 'ER_CONFIG' })
    expect(thrown(() => refuseOpenDoor(host, token))).toBeUndefined()
  }
  for (const short of ['', 'short', 'a token with spaces in it', 'ümlaut-ümlaut-ümlaut'])
    expect(thrown(() => refuseOpenDoor('127.0.0.1', short))).toMatchObject({ code: 'ER_CONFIG' })
})

test('limits are those given and the table for the rest', () => {
  expect(doorLimitsOf()).toEqual(doorLimits)
  expect(doorLimitsOf({ claims: 3, waiting: 0, texts: undefined })).toEqual({
    ...doorLimits,
    claims: 3,
    waiting: 0,
  })
  for (const wrong of [{ claims: 0 }, { concurrency: 1.5 }, { requestBytes: Number.NaN }, { waiting: -1 }])
    expect(thrown(() => doorLimitsOf(wrong))).toMatchObject({ code: 'ER_CONFIG' })
})

test('an error of ours is told as the table has it, whatever its code', () => {
  for (const code of Object.keys(errorRules) as ErrorCode[]) {
    const told = toolError(errorOf(code, 'a text', { detail: 'inside', retryAfterMs: 40, path: 'evidence' }))
    const { retryable } = errorRules[code]
    expect(told).toEqual({ code, message: 'a text', retryable, retryAfterMs: 40 })
  }
  expect(toolError(errorOf('ER_INPUT', 'a text'))).not.toHaveProperty('retryAfterMs')
})

test('what is not ours is told without its text', () => {
  for (const error of [new Error('/secret/folder'), 'a /secret/folder', undefined, { message: '/secret' }]) {
    const told = toolError(error)
    expect(told).toMatchObject({ code: 'ER_MODEL_FAILED', retryable: false })
    expect(JSON.stringify(told)).not.toContain('secret')
  }
})

test('no message of a door holds a token that it was given', () => {
  const secrets = ['tok-1', 'a secret with spaces', 'ein-schlüssel-für-die-tür']
  for (const secret of secrets) {
    const error = thrown(() => refuseOpenDoor('0.0.0.0', secret))
    expect(error).toBeInstanceOf(RunnerError)
    expect(
      `${(error as Error).stack}${JSON.stringify(error)}${JSON.stringify(toolError(error))}`,
    ).not.toContain(secret)
  }
})
